"""``python -m dnalyaw_pipelines.cli``: the `dnalyaw` command."""

import sys

from dnalyaw_pipelines.cli import main

sys.exit(main())
