"""Connects to servers, and to no address that they may not be at, whatever a name stands for at that moment."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Sequence

import httpcore2

from annotation.rules.server_addresses import find_fault


class AddressNotAllowed(Exception):
    """The host is at an address that servers may not be at; the message is a sentence."""


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Looks a host up once, and connects to the address that it has checked: a second look-up might say another."""

    def __init__(self, networks: Sequence[str], only: Sequence[str] = ()) -> None:
        self._networks, self._only = tuple(networks), tuple(only)
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises AddressNotAllowed, or what httpcore raises where nobody is there."""
        try:
            async with asyncio.timeout(timeout):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"Looking {host} up took too long.") from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"There is no host {host}.") from error
        allowed, fault = self._sort_out(host, [str(entry[4][0]) for entry in found])
        if not allowed:
            raise AddressNotAllowed(fault)
        for last, address in enumerate(allowed, start=1):
            try:
                return await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if last == len(allowed):
                    raise
        raise AssertionError("there was an address to connect to")

    async def sleep(self, seconds: float) -> None:
        await self._plain.sleep(seconds)

    def _sort_out(self, host: str, addresses: Sequence[str]) -> tuple[list[str], str]:
        allowed: list[str] = []
        fault = "The name stands for no address."
        for address in addresses:
            ip = ipaddress.ip_address(address.partition("%")[0])
            found = find_fault(ip, self._networks, host=host, only=self._only)
            if found is None:
                allowed.append(address)
            else:
                fault = found
        return allowed, fault
