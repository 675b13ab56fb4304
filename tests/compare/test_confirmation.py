"""Where confirmations and judgings by fresh seeds are kept."""

from __future__ import annotations

import pytest

from afnlab.compare.confirmation import fresh_judgings


@pytest.mark.parametrize("folder", ["confirm", "judge"])
def test_fresh_seeds_have_no_folder_below_their_own(folder, tmp_path):
    with pytest.raises(ValueError, match="holds fresh seeds itself; give the runs that picked"):
        fresh_judgings(tmp_path / folder)
    assert fresh_judgings(tmp_path) == f"{tmp_path.resolve()}/judge"
