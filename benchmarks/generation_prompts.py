"""The prompts that both sides of `benchmarks.generation` work on, and how they are put to the model."""

TEMPLATE = "Solve the problem step by step. End with “The answer is” and the answer.\n\n{prompt}"
TEMPERATURE, TOP_P = 0.8, 0.95


def list_problems(num: int) -> list[tuple[str, str]]:
    """Sums, and what they come to."""
    pairs = [(11 + 7 * index % 89, 13 + 5 * index % 83) for index in range(num)]
    return [(f"No. {index}: what is {a} + {b}?", str(a + b)) for index, (a, b) in enumerate(pairs)]
