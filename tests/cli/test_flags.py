from im2latex_cli.cli import app  # noqa: F401 - commands register their flags
from im2latex_cli.cli.console import with_flags


def test_names_in_backquotes_become_flags() -> None:
    assert with_flags("Take `device` cpu, or set `force`.") == "Take --device cpu, or set --force."
    assert with_flags("`render.renderer` tex") == "--renderer tex"
    assert with_flags("`build.min_examples`") == "--min-examples"


def test_settings_without_a_flag_keep_their_name() -> None:
    assert with_flags("Raise `decode.max_tokens`.") == "Raise decode.max_tokens."


def test_other_words_in_backquotes_stay() -> None:
    text = "Train one with `im2latex run`; `latex` must be on PATH."
    assert with_flags(text) == text
