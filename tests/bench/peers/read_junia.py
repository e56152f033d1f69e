"""Read pictures with latex-ocr-junia or its sibling: `read_junia.py PICTURES OUTPUT MODULE`.

Greedy, as its network does by default. A formula comes in an equation environment, which is taken
off: in TeX it cannot stand where a formula is expected.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import torch
from adapter import describe, read_folder

EQUATION = re.compile(r"\\(?:begin|end)\{equation\*?\}")


def main(pictures: Path, output: Path, module: str) -> None:
    torch.set_num_threads(1)
    predict = import_module(f"{module}.predict")
    weights = predict.ASSETS_DIR / "best.pt"
    config = predict.load_model_config(predict.ASSETS_DIR / "model_config.json")
    tokenizer = predict.LatexTokenizer.load(predict.ASSETS_DIR / "tokenizer.json")
    model = predict.build_model(config)
    predict.load_checkpoint(model, weights)
    model.eval()
    count = sum(parameter.numel() for parameter in model.parameters())
    describe(output, parameters=count, weights=weights)

    def read(path: Path) -> str:
        picture = predict.load_and_preprocess_image(path, config.image_height, config.image_width)
        ids = model.generate(
            picture.unsqueeze(0),
            bos_token_id=tokenizer.bos_id,
            eos_token_id=tokenizer.eos_id,
            max_length=config.max_length,
        )
        return EQUATION.sub("", tokenizer.decode(ids[0].tolist())).strip()

    read_folder(pictures, output, read)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
