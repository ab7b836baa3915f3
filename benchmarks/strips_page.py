"""Render the figures of ``docs/strips.md`` and ``docs/tutorial-strip.md`` from ``results/strips.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flawscope.outputs import write_text
from strips_iou import EIGHTHS, OVERLAPS, SIDE, TILES

DOCS = Path(__file__).parents[1] / "docs"
PAGE, TUTORIAL = DOCS / "strips.md", DOCS / "tutorial-strip.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
NO_PAGE_WITHOUT = ("stream", "iou", "gate")
SHARES = ("no overlap", "an eighth", "a quarter (default)", "three eighths", "a half")


def render(report: dict[str, Any]) -> None:
    """Write what is recorded between the marks of the pages."""
    if set(NO_PAGE_WITHOUT) <= report.keys():
        put(PAGE, figures(report))
    if "tutorial" in report:
        put(TUTORIAL, tutorial_figures(report["tutorial"]))


def put(page: Path, shown: str) -> None:
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    write_text(page, f"{before}{BEGIN}\n{shown}\n{END}{rest.partition(END)[2]}")


def figures(report: dict[str, Any]) -> str:
    """The tables of ``docs/strips.md``."""
    streamed, scores, gated = report["stream"], report["iou"], report["gate"]
    samples = max(part["sample"] for part in report.values())
    lines = []
    if samples > 1:
        lines += ["**Provisional**: measured on a sample, on a busy machine.", ""]
    lines += [
        f"Streaming a raw strip of {streamed['width']:,} columns, one process each:",
        "",
        "| segmenter | rows | peak memory, MiB | rows a second | rows a processor second | regions | longest |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {title} | {one['rows']:,} | {one['peak_mib']:,} | {one['rows_a_second']:,} | "
        f"{one['rows_a_processor_second']:,} | {one['regions']:,} | {one['longest_region_rows']:,} rows |"
        for title, one in (
            ("none (grey above one half)", streamed["bright"]),
            ("`ocinet-pvt-b0`", streamed["ocinet-tiny"]),
        )
    ]
    if "path" in report:
        lines += ["", *path_figures(report["path"])]
    if "command" in report:
        lines += ["", *command_figures(report["command"])]
    tiles, steel = scores["magnetic-tile"], scores["sd-saliency-900"]
    default = scores["default_overlap"]
    lines += [
        "",
        f"IoU of `ocinet-pvt-b0` at its threshold {scores['threshold']} (image mean; pooled in brackets), "
        f"{tiles['whole']['images']} defective magnetic tiles, {steel['whole']['images']} steel images in mosaics:",
        "",
        "| seen | magnetic tile | steel |",
        "|---|---|---|",
        f"| each image alone, stretched to 224 x 224 | {score(tiles['whole'])} | {score(steel['alone'])} |",
        f"| the whole mosaic stretched to 224 x 224 | | {score(steel['whole'])} |",
    ]
    lines += [
        f"| tiles of {SIDE} px, overlap {overlap} px{' (default)' if overlap == default else ''} | "
        f"{score(tiles[str(overlap)])} | {score(steel[str(overlap)])} |"
        for overlap in OVERLAPS
    ]
    if "overlap" in report:
        lines += ["", *overlap_figures(report["overlap"])]
    lines += [
        "",
        f"The gate, learnt from {gated['learnt_from_images']} sound magnetic tiles of the training part; "
        f"{gated['sound_windows']} sound windows of {SIDE} px and {gated['defect_images']} defective images of the "
        "test part:",
        "",
        "| level | sound windows skipped | defective images missed | defect pixels missed |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['level']:g} | {row['sound_windows_skipped']:.1%} | {row['defect_images_missed']:.1%} | "
        f"{row['defect_pixels_missed']:.1%} |"
        for row in gated["curve"]
    ]
    if "skip" in report:
        lines += ["", *skip_figures(report["skip"])]
    return "\n".join(lines)


def path_figures(one: dict[str, Any]) -> list[str]:
    """Measuring, contrast and rules over the whole length."""
    line = one["longest"]
    return [
        f"The whole path of a strip of {one['width']:,} columns with a quarter of the scratches, and a grey "
        "threshold for a network: regions joined, measured in millimetres, with contrast, judged, recorded:",
        "",
        "| rows | peak memory, MiB | rows a processor second | defects | with contrast | longest, `length_px` | "
        "of this length | verdict |",
        "|---|---|---|---|---|---|---|---|",
        f"| {one['rows']:,} | {one['peak_mib']:,} | {one['rows_a_processor_second']:,} | {one['defects']:,} | "
        f"{one['with_contrast']:,} | {line['length_px']:,.0f} | {one['as_long_as_the_strip']} | {one['verdict']} |",
    ]


def overlap_figures(one: dict[str, Any]) -> list[str]:
    """What overlaps cost where the network works, and the sentence that the figures allow."""
    sets = [one[name] for name in TILES]
    alone = (("continued", "alone"), ("enlarged", "whole"), ("drawn", "whole"))
    images = one["continued"]["whole"]["images"], one["drawn"]["whole"]["images"]
    lines = [
        f"Where the network works better: IoU (image mean) at threshold {one['threshold']}, and how many points "
        "above the default overlap, with the bootstrap 95 % interval over images:",
        "",
        f"| overlap | steel, continued ({images[0]} images) | steel, enlarged ({images[0]}) | drawn ({images[1]}) |",
        "|---|---|---|---|",
        "| the image alone, stretched | "
        + " | ".join(f"{one[name][way]['iou_fg_image_mean']:.3f}" for name, way in alone)
        + " |",
    ]
    for eighths, share in zip(EIGHTHS, SHARES, strict=True):
        lines.append(f"| {share} | {' | '.join(beside_default(each[str(eighths)]) for each in sets)} |")
    default = str(one["default_eighths"])
    base = ", ".join(f"{each[default]['iou_fg_image_mean']:.2f}" for each in sets)
    behind = [max(each[str(eighths)]["above_default"] for eighths in EIGHTHS) for each in sets]
    at_most = [max(each[str(eighths)]["above_default_95"][1] for eighths in EIGHTHS) for each in sets]
    without = ", ".join(f"{100 * each['0']['above_default']:+.1f}" for each in sets)
    return [
        *lines,
        "",
        f"At the default overlap the IoU of the three sets is {base}; the best of the five overlaps is "
        f"{', '.join(f'{100 * each:.1f}' for each in behind)} points above it (highest ends of the intervals: "
        f"{', '.join(f'{100 * each:.1f}' for each in at_most)}), and without overlap it changes by "
        f"{without} points. The best was picked after the measuring, which flatters it.",
    ]


def beside_default(one: dict[str, Any]) -> str:
    low, high = (100 * end for end in one["above_default_95"])
    if not low and not high:
        return f"{one['iou_fg_image_mean']:.3f}"
    return f"{one['iou_fg_image_mean']:.3f}; {100 * one['above_default']:+.1f} ({low:+.1f} to {high:+.1f})"


def skip_figures(one: dict[str, Any]) -> list[str]:
    """What ``--skip-background`` did to strips whose defects are known."""
    strips = one["strips"]
    found = sum(strip["found_without"] for strip in strips)
    tiles = sum(strip["levels"][0]["tiles"] for strip in strips)
    lines = [
        f"`--skip-background` itself, learnt from each strip: {len(strips)} strips of {one['metres']:g} m that "
        f"`data strip` drew ({', '.join(strip['surface'] for strip in strips)}), {tiles:,} tiles; without the "
        f"gate the network finds {found} of their {sum(strip['drawn'] for strip in strips)} drawn defects:",
        "",
        "| level | tiles skipped | found defects missed | marked pixels lost in drawn defects' boxes, each strip | "
        "elsewhere |",
        "|---|---|---|---|---|",
    ]
    for levels in zip(*(strip["levels"] for strip in strips), strict=True):
        lost = (
            ", ".join(f"{level[f'pixels_lost_{where}']:.0%}" for level in levels)
            for where in ("in_boxes", "elsewhere")
        )
        lines.append(
            f"| {levels[0]['level']:g} | {sum(level['skipped'] for level in levels) / tiles:.0%} | "
            f"{sum(level['missed'] for level in levels)} of {found} | {' | '.join(lost)} |"
        )
    gate, network = (
        sum(strip[f"{name}_ms_a_tile"] for strip in strips) / len(strips) for name in ("gate", "network")
    )
    lowest = [strip["levels"][0] for strip in strips]
    return [
        *lines,
        "",
        f"A defect is missed when nothing in its box is marked any more, so parts are lost sooner: at level "
        f"{lowest[0]['level']:g}, with {sum(level['skipped'] for level in lowest) / tiles:.0%} of the tiles skipped, "
        f"{sum(level['missed'] for level in lowest)} of {found} are missed and up to "
        f"{max(level['pixels_lost_in_boxes'] for level in lowest):.0%} of the marked pixels in the boxes of a strip.",
        "",
        f"A tile costs the gate {gate:.1f} ms of a processor and the network {network:.0f} ms: the gate pays from "
        f"{gate / network:.0%} of skipped tiles on. Marks elsewhere are plain texture taken for a defect.",
    ]


def tutorial_figures(one: dict[str, Any]) -> str:
    """What the inspection of the tutorial says, and what it is worth."""
    marked = f"{one['long_scratch_rows_marked']:.0%}".replace("%", " %")
    longest = one["texture_longest_mm"]
    passed_over = (
        f"none of them is 100 mm long (the longest is {longest:.0f} mm), so these rules pass over them"
        if longest < 100
        else f"the longest is {longest:.0f} mm, so the first rule rejects for texture too"
    )
    return "\n".join(
        [
            "```",
            *one["told"],
            "```",
            "",
            f"`ocinet-tiny` is a small general network. It finds {one['found']} of the {one['drawn']} drawn defects "
            f"and marks {marked} of the rows of the long scratch, its longest piece "
            f"{one['long_scratch_longest_piece_mm'] / 1000:.2f} m of {one['metres'] / 4:g} m. It also marks "
            f"{one['texture_patches']} patches of plain texture; {passed_over}.",
        ]
    )


def command_figures(one: dict[str, Any]) -> list[str]:
    """The whole command, in a table of its own."""
    return [
        f"The whole command on such a strip, {one['threads']} thread{'s' * (one['threads'] != 1)}, from its start to "
        "the page:",
        "",
        "```",
        one["line"].replace(" --rules", " \\\n    --rules"),
        "```",
        "",
        "| rows | seconds | rows a second | rows a processor second | peak memory, MiB | defects | longest | "
        "verdict, exit code | page, MiB |",
        "|---|---|---|---|---|---|---|---|---|",
        f"| {one['rows']:,} | {one['seconds']:,.0f} | {one['rows_a_second']:,} | "
        f"{one['rows_a_processor_second']:,} | {one['peak_mib']:,} | {one['defects']:,} | "
        f"{one['longest_defect_rows']:,} rows | {one['verdict']}, {one['exit_code']} | {one['page_mib']:g} |",
    ]


def score(one: dict[str, Any]) -> str:
    return f"{one['iou_fg_image_mean']:.3f} ({one['iou_fg_pooled']:.3f})"
