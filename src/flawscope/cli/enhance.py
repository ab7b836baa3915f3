"""The verb ``enhance``: what mixes of filters do to an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawscope.cli.lists import listed
from flawscope.cli.opening import SEGMENTER_HELP, open_unprompted
from flawscope.cli.output import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flawscope.enhance.simplex import Weights
    from flawscope.images import Image, Mask

_MOST_ROUNDS = 20


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    enhance = typer.Typer(help="Mix classic filters, and see what they do.", no_args_is_help=True)
    enhance.command("apply")(apply)
    app.add_typer(enhance, name="enhance")


def apply(
    image: Annotated[Path, typer.Argument(help="One image file.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The picture to write, .png or .jpg.")] = Path("strip.png"),
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SHARE,...",
            help="Shares of filters in one round, as in wls=0.5,unsharp=0.5; divided by their sum, filters not named "
            "get 0. Repeat it for every further round. Default: all filters alike.",
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, max=_MOST_ROUNDS, help="How many rounds, all with the same weights. Default: 1."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="What 'fewshot learn' left: its mixes, round by round, instead of --weights."),
    ] = None,
    bank: Annotated[str | None, typer.Option(help="default, all or paper. Default: default.")] = None,
    filters: Annotated[
        str | None, typer.Option(help="Filters of the bank, with commas between them, instead of its own.")
    ] = None,
    kernel_size: Annotated[
        int | None, typer.Option(help="Side of the filters' windows in pixels: 3, 5, 7, 9 or 11.")
    ] = None,
    segmenter: Annotated[
        str | None, typer.Option(help=f"Also show its mask of every round. {SEGMENTER_HELP}")
    ] = None,
    white: Annotated[
        int | None, typer.Option(min=1, help="Stored value that means white, such as 4095 for 12 bits.")
    ] = None,
    page: Annotated[int | None, typer.Option(min=0, help="Page of a multi-page file, from 0.")] = None,
    device: Annotated[str, typer.Option(help="For the segmenter: auto, cpu, cuda:0.")] = "auto",
) -> None:
    """Draw a strip: the image, every round of enhancement, the weights as bars, and the masks.

    Writes that picture and nothing else.
    """
    from flawscope.enhance import bank as make_bank
    from flawscope.enhance import with_plane
    from flawscope.enhance.strip import draw_strip
    from flawscope.errors import UsageError
    from flawscope.images import read_image, write_image
    from flawscope.outputs import check_writable

    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError("the picture to write must end in .png or .jpg", where=f"--out {out}")
    if policy is not None and any(
        given is not None for given in (weights, rounds, bank, filters, kernel_size, segmenter)
    ):
        raise UsageError(
            "--policy brings its own weights, rounds, filters and segmenter",
            remedy="Leave out --weights, --rounds, --bank, --filters, --kernel-size and --segmenter",
        )
    check_writable(out)
    original = read_image(image, page=page, white=white)
    screen = console()
    if policy is not None:
        write_image(out, _played(policy, device, original, screen))
        screen.print(f"Strip: {out}", markup=False)
        return
    chosen = make_bank(bank or "default", None if filters is None else listed(filters), kernel_size)
    shares = _per_round(weights or [], rounds, chosen.names)
    pictures = [with_plane(original, plane) for plane in chosen.enhance(original, shares)]
    masks = None if segmenter is None else _masks(segmenter, device, [original, *pictures])
    write_image(out, draw_strip(original, pictures, shares, chosen.names, masks))
    for number, one in enumerate(shares, start=1):
        screen.print(f"round {number}: {_in_words(one, chosen.names)}", markup=False)
    screen.print(f"Strip: {out}", markup=False)


def _played(folder: Path, device: str, original: Image, screen: Console) -> Image:
    """The strip of the rollout whose round an enhancer keeps."""
    import numpy as np

    from flawscope.enhance.strip import draw_strip
    from flawscope.sdie.artefact import load_artefact

    enhancer = load_artefact(folder, device)
    rounds = enhancer.rounds_of(original)
    kept = rounds[enhancer.chosen(rounds)]
    played = [rounds[0], *(one for one in rounds[1:] if one.rollout == kept.rollout)]
    shares = [one.weights for one in played if one.weights is not None]
    names = enhancer.bank.names
    for one, share in zip(played[1:], shares, strict=True):
        mark = " (kept)" if one is kept else ""
        screen.print(f"round {one.number}: {_in_words(share, names)}{mark}", markup=False)
    if {_in_words(share, names) for share in shares} == {"identity 1.00"}:
        screen.print("nothing is enhanced: all the weight is on identity", markup=False)
    elif kept.number == 0:
        screen.print("kept: the image as it came", markup=False)
    pictures = [one.game.shown(one.state) for one in played[1:]]
    masks = [one.seen.foreground.astype(np.uint8) for one in played]
    return draw_strip(original, pictures, shares, names, masks, kept.number)


def _per_round(typed: Sequence[str], rounds: int | None, names: Sequence[str]) -> list[Weights]:
    """The weights of every round, from ``--weights`` and ``--rounds``."""
    import numpy as np

    from flawscope.enhance import normalize
    from flawscope.errors import UsageError

    if rounds is not None and len(typed) > 1:
        raise UsageError(
            f"--rounds {rounds} and --weights {len(typed)} times do not go together",
            remedy="Give --weights once for each round, or once with --rounds",
        )
    shares = [_parse(text, names) for text in typed] or [normalize(np.ones(len(names)))]
    return shares * (rounds or 1)


def _parse(text: str, names: Sequence[str]) -> Weights:
    """``wls=0.5,unsharp=0.5`` as weights in the order of ``names``."""
    from flawscope.enhance import normalize
    from flawscope.errors import UsageError

    where = f"--weights {text}"
    shares = dict.fromkeys(names, 0.0)
    given: set[str] = set()
    for part in listed(text) or [text]:
        name, equals, share = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise UsageError(f"'{part}' is not NAME=SHARE", where=where, remedy="Such as wls=0.5,unsharp=0.5")
        if name not in shares:
            raise UsageError(
                f"no filter '{name}' in this bank", where=where, remedy=f"It has: {', '.join(names)}"
            )
        if name in given:
            raise UsageError(
                f"'{name}' stands twice", where=where, remedy="Repeat --weights for another round"
            )
        given.add(name)
        try:
            shares[name] = float(share)
        except ValueError as error:
            raise UsageError(f"'{share}' is not a number", where=where) from error
    try:
        return normalize(list(shares.values()))
    except UsageError as error:
        raise UsageError(error.what, where=where, remedy=error.remedy) from error


def _masks(spec: str, device: str, images: Sequence[Image]) -> list[Mask]:
    from flawscope.segment import predict

    segmenter = open_unprompted(spec, device=device)
    return [predict(segmenter, image, keep_probability=False).mask for image in images]


def _in_words(weights: Weights, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {share:.2f}" for name, share in zip(names, weights, strict=True) if share > 0)
