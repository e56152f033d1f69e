import json

import pytest

from im2latex_cli.data.store import read
from im2latex_cli.errors import UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.services.building import build
from im2latex_cli.settings.sections import Settings

pytestmark = pytest.mark.tex


def settings(folder, **render):
    given = {"dataset": "small", "output": str(folder), "limit": 60, "jobs": 1}
    return Settings.model_validate({"build": given, "render": {"renderer": "tex", **render}})


def fonts(folder):
    rows = (folder / "train/metadata.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(row).get("font") for row in rows]


def test_each_picture_says_its_typeface(tmp_path):
    mixed = settings(tmp_path / "mixed", fonts=0.5, typefaces=("euler", "sans"))
    build.run(mixed, SilentReporter())
    found = fonts(tmp_path / "mixed")
    assert {font.split()[0] for font in found} == {"computer-modern", "euler", "sans"}
    assert {font.split()[1] for font in found} == {"10", "11", "12"}
    assert len(read(tmp_path / "mixed", "train")) == len(found)


def test_without_a_share_nothing_is_said(tmp_path):
    build.run(settings(tmp_path / "plain"), SilentReporter())
    assert set(fonts(tmp_path / "plain")) == {None}
    with pytest.raises(UsageError, match=r"render\.fonts was 0\.0, now 0\.5"):
        build.run(settings(tmp_path / "plain", fonts=0.5), SilentReporter())


def test_data_sets_that_know_no_typefaces_are_still_theirs(tmp_path):
    plain = settings(tmp_path / "plain")
    build.run(plain, SilentReporter())
    path = tmp_path / "plain/manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for name in ("exact", "fonts", "typefaces"):
        del manifest["settings"][f"render.{name}"]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert not build.run(plain, SilentReporter()).built
