"""What makes an installation safe: its settings as production has them, and calls that no module may make."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from config.hosts import list_public_names
from config.paths import BASE_DIR
from tests.repo.test_house_rules import list_tracked, name_of

PRODUCTION = {
    "GRADUS_HTTPS": "1",
    "GRADUS_HOSTS": "gradus.example.org",
    "GRADUS_ORIGINS": "https://gradus.example.org",
    "GRADUS_SECRET_KEY": "only-for-this-check-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
    "CELERY_BROKER_URL": "redis://127.0.0.1:9",
}
_ASKED = """
import json, django
from django.conf import settings
django.setup()
names = [name for name in dir(settings) if name.isupper() and name.startswith((
    "SECURE", "SESSION", "CSRF", "X_FRAME", "CONTENT", "ALLOWED", "DEBUG", "PASSWORD_H", "CELERY", "SILENCED"))]
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""
# Where text is declared safe HTML: the renderer's filters, whose output the sanitiser made.
MAY_MARK_SAFE = {"annotation/rendering/moulds.py": 2, "annotation/templatetags/rendering.py": 2}
# Where what a model wrote is run on purpose: shut in, off until an administrator turns it on (ADR code-shut-in).
MAY_RUN_TEXT = {"rl_bridge/code_runner.py": ["exec", "compile"]}
# Calls that run, unpickle or trust what they are given, by their last names.
FORBIDDEN_CALLS = {
    "eval": "runs text",
    "exec": "runs text",
    "compile": "makes code of text",
    "__import__": "imports by text",
    "system": "hands text to a shell",
    "popen": "hands text to a shell",
    "format_html": "mixes text into HTML; a template does it",
    "format_html_join": "mixes text into HTML; a template does it",
    "SafeString": "declares text safe",
    "RawSQL": "mixes text into SQL",
    "extra": "mixes text into SQL",
}
FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "marshal",
    "shelve",
    "joblib",
    "xmlrpc",
    "telnetlib",
}


def run_in_production(
    tmp_path: Path, *arguments: str, **other: str | None
) -> subprocess.CompletedProcess[str]:
    """In production's environment, with other variables where said; None leaves one out."""
    ours = ("GRADUS_", "DATABASE_URL", "CELERY_", "DJANGO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {**PRODUCTION, "GRADUS_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    environment = {name: said for name, said in {**environment, **other}.items() if said is not None}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The settings as a process with production's environment sees them."""
    done = run_in_production(tmp_path_factory.mktemp("data"), "-c", _ASKED)
    assert done.returncode == 0, done.stderr
    asked: dict[str, object] = json.loads(done.stdout)
    return asked


def test_djangos_own_check_finds_nothing_in_production(tmp_path: Path) -> None:
    done = run_in_production(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr


def test_only_what_the_owner_of_the_domain_decides_is_silenced(production: dict[str, object]) -> None:
    assert production["SILENCED_SYSTEM_CHECKS"] == [
        "security.W005",
        "security.W021",
    ]  # other names of the domain


@pytest.mark.parametrize(
    ("hosts", "is_public"),
    [
        ("gradus.example.org", True),
        ("127.0.0.1 gradus.example.org", True),
        ("*", True),
        ("8.8.8.8", True),
        (".example.org", True),
        ("127.0.0.1 [::1] localhost", False),
        ("192.168.7.4 gpu.local a.localhost.", False),
    ],
)
def test_a_name_of_the_internet_is_told_from_those_of_this_network(hosts: str, is_public: bool) -> None:
    assert bool(list_public_names(hosts.split())) == is_public


@pytest.mark.parametrize(("said", "seconds"), [(None, "31536000"), ("0", "0")])
def test_a_site_on_the_internet_speaks_https_unless_it_says_that_it_does_not(
    said: str | None, seconds: str, tmp_path: Path
) -> None:
    script = "from django.conf import settings as s; print(s.SECURE_HSTS_SECONDS)"

    done = run_in_production(tmp_path, "-c", script, GRADUS_HTTPS=said)

    assert done.stdout.split() == [seconds], done.stderr


def test_cookies_travel_by_https_alone_and_not_to_scripts_or_other_sites(
    production: dict[str, object],
) -> None:
    assert production["SESSION_COOKIE_SECURE"] is production["CSRF_COOKIE_SECURE"] is True
    assert production["SESSION_COOKIE_HTTPONLY"] is True
    assert production["SESSION_COOKIE_SAMESITE"] == production["CSRF_COOKIE_SAMESITE"] == "Lax"


def test_https_is_the_only_way_in(production: dict[str, object]) -> None:
    assert production["SECURE_SSL_REDIRECT"] is True
    assert production["SECURE_HSTS_SECONDS"] == 31_536_000
    assert production["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    assert production["SECURE_REDIRECT_EXEMPT"] == ["^(healthz|readyz|metrics)$"]


def test_a_production_server_answers_to_its_name_and_to_its_own_supervisor(
    production: dict[str, object],
) -> None:
    assert production["ALLOWED_HOSTS"] == ["gradus.example.org", "localhost"]
    assert production["DEBUG"] is False


def test_sessions_and_jobs_are_json(production: dict[str, object]) -> None:
    assert str(production["SESSION_SERIALIZER"]).endswith("JSONSerializer")
    assert production["CELERY_ACCEPT_CONTENT"] == ["json"]
    assert production["CELERY_TASK_SERIALIZER"] == "json"


def test_passwords_are_hashed_with_argon2(production: dict[str, object]) -> None:
    hashers = production["PASSWORD_HASHERS"]
    assert isinstance(hashers, list)
    assert hashers[0].endswith("Argon2PasswordHasher")


def test_a_health_check_is_answered_without_tls_while_pages_are_sent_on_to_it(tmp_path: Path) -> None:
    asked = (
        "import django; django.setup(); from django.test import Client; "
        "c = Client(headers={'host': 'localhost'}); "
        "print(c.get('/healthz').status_code, c.get('/sign-in/').status_code, c.get('/sign-in/')['Location'])"
    )

    done = run_in_production(tmp_path, "-c", asked)

    assert done.stdout.split() == ["503", "301", "https://localhost/sign-in/"], (
        done.stderr
    )  # 503: no database there


class TestContentSecurityPolicy:
    POLICY = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]

    def test_what_is_not_named_is_refused(self) -> None:
        assert self.POLICY["default-src"] == ["'none'"]

    def test_nothing_inline_and_nothing_from_elsewhere(self) -> None:
        allowed = {source for sources in self.POLICY.values() for source in sources}

        assert allowed == {"'none'", "'self'", "data:"}
        assert [name for name, sources in self.POLICY.items() if "data:" in sources] == ["img-src"]

    @pytest.mark.parametrize("directive", ["base-uri", "frame-ancestors", "form-action"])
    def test_what_the_default_does_not_cover_is_named(self, directive: str) -> None:
        assert self.POLICY[directive] in (["'none'"], ["'self'"])

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "path", ["/sign-in/", "/no-such-page/", "/api/v1/projects/", "/admin/", "/healthz"]
    )
    def test_every_answer_carries_it_and_what_goes_with_it(self, client: Client, path: str) -> None:
        headers = client.get(path).headers

        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def list_trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in [*list_tracked("*.py"), BASE_DIR / "run"]:
        if path.relative_to(BASE_DIR).parts[0] != "tests":
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def find_calls() -> Iterator[tuple[str, ast.Call, str]]:
    """(file and line, call, the dotted name that is called) of every call outside the tests."""
    for path, tree in list_trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield f"{name_of(path)}:{node.lineno}", node, ast.unparse(node.func)


def test_no_module_runs_text_or_mixes_it_into_html_or_sql() -> None:
    own = ("re.", "self.", "model.")  # re.compile makes a pattern, and a method of one's own is no builtin
    found = [
        f"{where}: {name} {FORBIDDEN_CALLS[name.split('.')[-1]]}"
        for where, _, name in find_calls()
        if name.split(".")[-1] in FORBIDDEN_CALLS
        and not name.startswith(own)
        and name not in MAY_RUN_TEXT.get(where.partition(":")[0], [])
    ]

    assert found == []


def test_the_walk_reaches_calls() -> None:
    names = {name for _, _, name in find_calls()}

    assert {"re.compile", "mark_safe", "subprocess.run"} <= names


def test_only_the_renderer_declares_html_safe() -> None:
    found: dict[str, int] = {}
    for where, _, name in find_calls():
        if name.split(".")[-1] in ("mark_safe", "Safe", "SafeText"):
            path = where.split(":")[0]
            found[path] = found.get(path, 0) + 1

    assert found == MAY_MARK_SAFE


def test_nothing_is_unpickled() -> None:
    found = [
        f"{name_of(path)}: {module}"
        for path, tree in list_trees()
        for node in ast.walk(tree)
        for module in _modules_of(node)
        if module.split(".")[0] in FORBIDDEN_MODULES
    ]

    assert found == []


def test_weights_are_loaded_from_safetensors_and_never_with_a_models_own_code() -> None:
    loads = [(where, call, name) for where, call, name in find_calls() if name.endswith("from_pretrained")]
    trusting = [
        where
        for where, call, _ in find_calls()
        for keyword in call.keywords
        if keyword.arg == "trust_remote_code"
        and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
    ]
    torch_loads = [
        where for where, _, name in find_calls() if name in ("torch.load", "numpy.load", "np.load")
    ]

    assert loads
    assert trusting == torch_loads == []


def test_no_shell_reads_what_is_run() -> None:
    found = [
        where
        for where, call, name in find_calls()
        if any(
            keyword.arg == "shell"
            and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            for keyword in call.keywords
        )
        or name in ("subprocess.getoutput", "subprocess.getstatusoutput", "os.popen", "os.system")
    ]

    assert found == []


def test_yaml_is_read_and_written_safely() -> None:
    unsafe = [
        where
        for where, _, name in find_calls()
        if name in ("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "yaml.dump")
    ]

    assert unsafe == []


def test_sql_is_never_made_with_a_format() -> None:
    found = [
        where
        for where, call, name in find_calls()
        if name.endswith((".execute", ".raw"))
        and call.args
        and isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
    ]

    assert found == []


def test_no_view_is_exempt_from_the_check_against_forgery() -> None:
    exempt = [name_of(path) for path, tree in list_trees() if "csrf_exempt" in ast.unparse(tree)]

    assert exempt == []


def test_no_secret_lies_in_the_repository() -> None:
    told = ("BEGIN PRIVATE KEY", "BEGIN RSA PRIVATE KEY", "BEGIN OPENSSH PRIVATE KEY", 'SECRET_KEY = "')
    own = Path(__file__).resolve()
    found = [
        name_of(path)
        for pattern in ("*.py", "*.md", "*.toml", "*.txt", "*.html", "*.js")
        for path in list_tracked(pattern)
        if path.resolve() != own and any(word in path.read_text(encoding="utf-8") for word in told)
    ]

    assert found == []


def _modules_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
