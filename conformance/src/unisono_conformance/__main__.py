"""`python -m unisono_conformance`.

Spec: reading
Not here: anything else (see cli).
"""

import sys

from unisono_conformance.cli import main

sys.exit(main())
