"""Noise2Void of careamics, for its own Python: `peer_noise2void.py FOLDER EPOCHS`.

Reads FOLDER/noisy.npy and writes FOLDER/denoised.npy; the last line of its output tells minutes of
processor time and steps, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from careamics import CAREamist
from careamics.config.factories import n2v_factory


def main() -> None:
    """Train on the image alone, and predict it."""
    folder, epochs = Path(sys.argv[1]), int(sys.argv[2])
    noisy = np.load(folder / "noisy.npy")
    torch.set_num_threads(1)
    start = time.process_time()
    config = n2v_factory.create_n2v_config(
        "peer", "array", "YX", (64, 64), batch_size=16, num_epochs=epochs
    )
    peer = CAREamist(config, work_dir=folder, enable_progress_bar=False)
    peer.train(train_data=noisy)
    (denoised,), _ = peer.predict(noisy)
    np.save(folder / "denoised.npy", np.asarray(denoised).squeeze())
    minutes = (time.process_time() - start) / 60
    print(json.dumps({"minutes": minutes, "steps": int(peer.trainer.global_step)}))


if __name__ == "__main__":
    main()
