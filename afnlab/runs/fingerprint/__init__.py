"""Which code a run's numbers depend on: found by reading it, without running any.

`mentions` says what a source names, `userfiles` follows that through a user's own files (by
`modules`, as Python finds them) and through `installed` ones that he refers to, `package` through
afnlab's, `reaching` says which of that the former need, and `manifest` puts all together
for a run. `datafiles` finds the data that sources name, without what they only write by `writes`.
`checking` holds it against what the run's kernel has then read.
"""

from afnlab.runs.fingerprint.checking import check, require_planned_data
from afnlab.runs.fingerprint.manifest import Manifest, manifest_of, one_look

__all__ = ["Manifest", "check", "manifest_of", "one_look", "require_planned_data"]
