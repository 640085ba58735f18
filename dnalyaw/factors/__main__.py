"""``python -m dnalyaw.factors`` writes docs/factor-language.md of the working directory."""

from pathlib import Path

from dnalyaw.factors._reference import language_reference

if __name__ == "__main__":
    Path("docs/factor-language.md").write_text(language_reference(), encoding="utf-8")
