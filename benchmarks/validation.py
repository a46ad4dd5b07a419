"""What validation costs, beside what else does it.

python benchmarks/validation.py          # extra `oracles` for alphalens
"""

from __future__ import annotations

from factor_report import factor_report


def main() -> None:
    factor_report()


if __name__ == "__main__":
    main()
