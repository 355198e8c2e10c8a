"""The two files of a result: all data as JSON, and one table for people as Markdown."""

import json
from itertools import groupby

SHARE_LABEL = "&nbsp;&nbsp;share of its core that the balancer used"


def write(out, stem, document):
    """Writes both files and returns the path of the table; an older result is never replaced."""
    out.mkdir(parents=True, exist_ok=True)
    name, number = stem, 1
    while (out / f"{name}.json").exists() or (out / f"{name}.md").exists():
        number += 1
        name = f"{stem}-{number}"
    (out / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    table = out / f"{name}.md"
    table.write_text(markdown(document, f"{name}.json"))
    return table


def markdown(document, raw_name):
    names = columns(document)
    text = preface(document, raw_name)
    text.append(cells(["medians", *names, "ratio: median (lowest to highest round)"]))
    text.append(cells(["---", *["---:"] * len(names), "---"]))
    for workload, rows in groupby(document["summary"], key=lambda row: row["workload"]):
        text += [metric_line(row, names) for row in rows]
        if shares := document["core_shares"].get(workload):
            percent = [f"{shares[name]:.0%}" if name in shares else "" for name in names]
            text.append(cells([SHARE_LABEL, *percent, ""]))
    if document["warnings"]:
        text += ["", "Doubts:", "", *(f"- {warning}" for warning in document["warnings"])]
    return "\n".join(text) + "\n"


def columns(document):
    """All contenders, failed ones too, and the loads without a balancer where there were such."""
    has_direct = any("direct" in row["median"] for row in document["summary"])
    return [*document["contenders"], *(["direct"] if has_direct else [])]


def preface(document, raw_name):
    machine, arguments = document["machine"], document["arguments"]
    versions = [f"- {name}: {version}" for name, version in document["contenders"].items()]
    return [
        f"# Comparison of {document['date']}",
        "",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}, Linux {machine['kernel']}, "
        f"{machine['sysctl']['net.ipv4.tcp_congestion_control']}, loopback. "
        f"{arguments['rounds']} rounds, {arguments['seconds']} s a load, "
        f"{arguments['bulk_gb']} GB a bulk transfer. Raw data: {raw_name}; how to read it: "
        "benches/compare/README.md. Lower is better, except where the unit ends in /s.",
        "",
        *versions,
        "",
    ]


def metric_line(row, names):
    figures = [number(row["median"].get(name), row["digits"]) for name in names]
    ratios = "; ".join(ratio_words(ratio) for ratio in row["ratios"] if ratio["median"])
    return cells([row["label"], *figures, ratios])


def ratio_words(ratio):
    known = [value for value in ratio["each"] if value is not None]
    spread = f"({min(known):.2f} to {max(known):.2f})"
    return f"{ratio['of']} / {ratio['to']} **{ratio['median']:.2f}** {spread}"


def number(value, digits):
    return "" if value is None else f"{value:,.{digits}f}"


def cells(texts):
    return "| " + " | ".join(texts) + " |"
