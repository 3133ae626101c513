"""Pictures for README and guide, saved by the very tests that walk there when KOHDE_PICTURES names a folder."""

import io
import os
from pathlib import Path
from typing import Any

WIDTH, COLOURS = 1200, 64


def saved(page: Any, name: str) -> None:
    """What the page shows now, small: a palette, and no wider than a README shows."""
    folder = os.environ.get("KOHDE_PICTURES", "")
    if not folder:
        return
    from PIL import Image

    page.evaluate("document.fonts.ready")
    shot = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    if shot.width > WIDTH:
        shot = shot.resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS)
    path = Path(folder) / name
    shot.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
