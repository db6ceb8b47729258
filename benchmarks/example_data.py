"""Write data sets that scikit-learn ships as the files of a user: digits (.npz), breast cancer and diabetes (.csv)."""

import argparse
from pathlib import Path

import numpy as np


def write_digits(path: Path) -> None:
    """Write 1,797 handwritten digits, 8 x 8 pixels of one channel."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    np.savez(path, images=digits.images[..., None].astype(np.float32), digit=digits.target)


def write_breast_cancer(path: Path) -> None:
    """Write 569 tumours with 30 measurements of each, malignant or benign."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer(as_frame=True)
    table.frame.assign(target=table.target_names[table.target]).to_csv(path, index=False)


def write_diabetes(path: Path) -> None:
    """Write 442 patients with ten measurements of each, and the progress of their diabetes after a year."""
    from sklearn.datasets import load_diabetes

    load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progress"}).to_csv(path, index=False)


WRITERS = {
    "digits.npz": write_digits,
    "breast_cancer.csv": write_breast_cancer,
    "diabetes.csv": write_diabetes,
}


def main() -> None:
    """Write the files that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", choices=WRITERS, help="what to write, into this folder")
    for name in parser.parse_args().files:
        WRITERS[name](Path(name))
        print(f"{name} is written")


if __name__ == "__main__":
    main()
