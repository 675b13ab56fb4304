"""The sources of the activations. An activation's `reference` is a key of REFERENCES."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A publication; kind is its BibTeX entry type, where its further BibTeX fields."""

    authors: str
    year: int
    title: str
    kind: str = "article"
    where: tuple[tuple[str, str], ...] = ()
    url: str = ""

    def cite(self) -> str:
        """Author and year: "He et al. 2015"."""
        names = [name.split(",")[0].strip("{}") for name in self.authors.split(" and ")]
        who = names[0] if len(names) == 1 else " and ".join(names[:2])
        return f"{names[0]} et al. {self.year}" if len(names) > 2 else f"{who} {self.year}"

    def bibtex(self, key: str) -> str:
        fields = {"author": self.authors, "title": f"{{{self.title}}}", "year": str(self.year)}
        fields |= dict(self.where) | ({"url": self.url} if self.url else {})
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        return f"@{self.kind}{{{key},\n{lines}\n}}"


def _arxiv(number: str) -> dict:
    return {
        "where": (("journal", f"arXiv:{number}"),),
        "url": f"https://arxiv.org/abs/{number}",
    }


def _in(book: str, **more: str) -> dict:
    return {"kind": "inproceedings", "where": (("booktitle", book), *more.items())}


def _journal(name: str, **more: str) -> dict:
    return {"where": (("journal", name), *more.items())}


def _software(url: str) -> dict:
    return {"kind": "misc", "where": (("note", "Software"),), "url": url}


REFERENCES = {
    "relu": Reference(
        "Nair, Vinod and Hinton, Geoffrey E.",
        2010,
        "Rectified Linear Units Improve Restricted Boltzmann Machines",
        **_in("International Conference on Machine Learning"),
    ),
    "relu6": Reference(
        "Krizhevsky, Alex",
        2010,
        "Convolutional Deep Belief Networks on CIFAR-10",
        kind="unpublished",
        where=(("note", "Manuscript"),),
    ),
    "leaky_relu": Reference(
        "Maas, Andrew L. and Hannun, Awni Y. and Ng, Andrew Y.",
        2013,
        "Rectifier Nonlinearities Improve Neural Network Acoustic Models",
        **_in("ICML Workshop on Deep Learning for Audio, Speech and Language Processing"),
    ),
    "prelu": Reference(
        "He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
        2015,
        "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet"
        " Classification",
        **_arxiv("1502.01852"),
    ),
    "rrelu": Reference(
        "Xu, Bing and Wang, Naiyan and Chen, Tianqi and Li, Mu",
        2015,
        "Empirical Evaluation of Rectified Activations in Convolutional Network",
        **_arxiv("1505.00853"),
    ),
    "elu": Reference(
        "Clevert, Djork-Arne and Unterthiner, Thomas and Hochreiter, Sepp",
        2015,
        "Fast and Accurate Deep Network Learning by Exponential Linear Units (ELUs)",
        **_arxiv("1511.07289"),
    ),
    "selu": Reference(
        "Klambauer, Guenter and Unterthiner, Thomas and Mayr, Andreas and Hochreiter, Sepp",
        2017,
        "Self-Normalizing Neural Networks",
        **_arxiv("1706.02515"),
    ),
    "softplus": Reference(
        "Dugas, Charles and Bengio, Yoshua and Belisle, Francois and Nadeau, Claude"
        " and Garcia, Rene",
        2001,
        "Incorporating Second-Order Functional Knowledge for Better Option Pricing",
        **_in("Advances in Neural Information Processing Systems 13"),
    ),
    "frelu": Reference(
        "Qiu, Suo and Xu, Xiangmin and Cai, Bolun",
        2017,
        "FReLU: Flexible Rectified Linear Units for Improving Convolutional Neural Networks",
        **_arxiv("1706.08098"),
    ),
    "plu": Reference(
        "Nicolae, Andrei",
        2018,
        "PLU: The Piecewise Linear Unit Activation Function",
        **_arxiv("1809.09534"),
    ),
    "pilu": Reference(
        "Inturrisi, Jordan and Khoo, Sui Yang and Kouzani, Abbas and Pagliarella, Riccardo",
        2021,
        "Piecewise Linear Units Improve Deep Neural Networks",
        **_arxiv("2108.00700"),
    ),
    "double_relu": Reference(
        "Pozzi, A.",
        2024,
        "convnetjs-extras",
        **_software("https://github.com/Apozzi/convnetjs-extras"),
    ),
    "softshrink": Reference(
        "Donoho, David L.",
        1995,
        "De-noising by Soft-Thresholding",
        **_journal(
            "IEEE Transactions on Information Theory", volume="41", number="3", pages="613--627"
        ),
    ),
    "hardshrink": Reference(
        "Donoho, David L. and Johnstone, Iain M.",
        1994,
        "Ideal Spatial Adaptation by Wavelet Shrinkage",
        **_journal("Biometrika", volume="81", number="3", pages="425--455"),
    ),
    "tanhshrink": Reference(
        "{PyTorch contributors}",
        2017,
        "torch.nn.Tanhshrink",
        **_software("https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanhshrink.html"),
    ),
    "srelu": Reference(
        "Long, Laurence",
        2024,
        "SReLU: Sinusoidal Rectified Linear Unit",
        **_software("https://github.com/LaurenceLong/SReLU"),
    ),
    "swish": Reference(
        "Ramachandran, Prajit and Zoph, Barret and Le, Quoc V.",
        2017,
        "Searching for Activation Functions",
        **_arxiv("1710.05941"),
    ),
    "gelu": Reference(
        "Hendrycks, Dan and Gimpel, Kevin",
        2016,
        "Gaussian Error Linear Units (GELUs)",
        **_arxiv("1606.08415"),
    ),
    "mish": Reference(
        "Misra, Diganta",
        2019,
        "Mish: A Self Regularized Non-Monotonic Activation Function",
        **_arxiv("1908.08681"),
    ),
    "gish": Reference(
        "Kaytan, Mustafa and Aydilek, Ibrahim Berkan and Yeroglu, Celaleddin",
        2023,
        "Gish: A Novel Activation Function for Image Classification",
        **_journal("Neural Computing and Applications", volume="35"),
    ),
    "logish": Reference(
        "Zhu, Hegui and Zeng, Huimin and Liu, Jinhai and Zhang, Xiangde",
        2021,
        "Logish: A New Nonlinear Nonmonotonic Activation Function for Convolutional Neural Network",
        **_journal("Neurocomputing", volume="458"),
    ),
    "smish": Reference(
        "Wang, Xueliang and Ren, Honge and Wang, Achuan",
        2022,
        "Smish: A Novel Activation Function for Deep Learning Methods",
        **_journal("Electronics", volume="11", number="4", pages="540"),
    ),
    "hardswish": Reference(
        "Howard, Andrew and Sandler, Mark and Chu, Grace and Chen, Liang-Chieh and others",
        2019,
        "Searching for MobileNetV3",
        **_arxiv("1905.02244"),
    ),
    "tanh": Reference(
        "LeCun, Yann and Bottou, Leon and Orr, Genevieve B. and Mueller, Klaus-Robert",
        1998,
        "Efficient BackProp",
        **_in("Neural Networks: Tricks of the Trade"),
    ),
    "sigmoid": Reference(
        "Rumelhart, David E. and Hinton, Geoffrey E. and Williams, Ronald J.",
        1986,
        "Learning Representations by Back-Propagating Errors",
        **_journal("Nature", volume="323", pages="533--536"),
    ),
    "arctan": Reference(
        "Saromo, Daniel and Villota, Elizabeth and Villanueva, Edwin",
        2019,
        "Auto-Rotating Perceptrons",
        **_arxiv("1910.02483"),
    ),
    "softsign": Reference(
        "Turian, Joseph and Bergstra, James and Bengio, Yoshua",
        2009,
        "Quadratic Features and Deep Architectures for Chunking",
        **_in("Human Language Technologies: NAACL 2009, Short Papers"),
    ),
    "hardtanh": Reference(
        "Collobert, Ronan",
        2004,
        "Large Scale Machine Learning",
        kind="phdthesis",
        where=(("school", "Universite Paris VI"),),
    ),
    "apec": Reference(
        "Bashinskiy, Konstantin",
        2024,
        "APEC and MAPEC Activation Functions for Neural Networks",
        **_software("https://github.com/Sombressoul/apec"),
    ),
    "threshold": Reference(
        "{PyTorch contributors}",
        2016,
        "torch.nn.Threshold",
        **_software("https://docs.pytorch.org/docs/stable/generated/torch.nn.Threshold.html"),
    ),
    "celu": Reference(
        "Barron, Jonathan T.",
        2017,
        "Continuously Differentiable Exponential Linear Units",
        **_arxiv("1704.07483"),
    ),
    "logsigmoid": Reference(
        "{PyTorch contributors}",
        2016,
        "torch.nn.LogSigmoid",
        **_software("https://docs.pytorch.org/docs/stable/generated/torch.nn.LogSigmoid.html"),
    ),
    "relu_squared": Reference(
        "So, David R. and Manke, Wojciech and Liu, Hanxiao and Dai, Zihang and Shazeer, Noam"
        " and Le, Quoc V.",
        2021,
        "Primer: Searching for Efficient Transformers for Language Modeling",
        **_arxiv("2109.08668"),
    ),
    "xielu": Reference(
        "Huang, Allen Hao and Schlag, Imanol",
        2024,
        "Deriving Activation Functions Using Integration",
        **_arxiv("2411.13010"),
    ),
    "sine": Reference(
        "Sitzmann, Vincent and Martel, Julien N. P. and Bergman, Alexander W."
        " and Lindell, David B. and Wetzstein, Gordon",
        2020,
        "Implicit Neural Representations with Periodic Activation Functions",
        **_arxiv("2006.09661"),
    ),
    "softmax": Reference(
        "Bridle, John S.",
        1990,
        "Probabilistic Interpretation of Feedforward Classification Network Outputs, with"
        " Relationships to Statistical Pattern Recognition",
        **_in("Neurocomputing: Algorithms, Architectures and Applications"),
    ),
}
