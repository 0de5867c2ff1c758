"""The style of the page: one column, tiles, plots; colours in two sets, told apart by people who see few colours, too."""

from typing import Final

STYLE: Final = """
:root {
  --back: #fbfbfa; --card: #ffffff; --text: #1c2024; --quiet: #5d6670; --rule: #e3e5e8;
  --a: #1f6feb; --b: #c2410c; --c: #6b7280; --good: #15713a; --good-back: #e4f4ea; --bad: #a8201a; --bad-back: #fdeae8;
  --note-back: #fff6e0; --note: #6b4e00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14171a; --card: #1c2024; --text: #e8eaed; --quiet: #9aa4af; --rule: #30363d;
    --a: #6cb0ff; --b: #ff9b61; --c: #a1a9b3; --good: #6fdc97; --good-back: #12301f; --bad: #ff938b; --bad-back: #3a1816;
    --note-back: #332a10; --note: #f3d58a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 0 0 .25rem; font-size: 1.1rem; }
p { margin: 0 0 .75rem; color: var(--quiet); }
.verdict { display: inline-block; margin: .6rem 0; padding: .3rem .8rem; border-radius: 1rem; font-weight: 600; }
.verdict.valid { color: var(--good); background: var(--good-back); }
.verdict.invalid { color: var(--bad); background: var(--bad-back); border-radius: .5rem; }
.quiet { font-size: .87rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.tile, section { background: var(--card); border: 1px solid var(--rule); border-radius: .6rem; }
.tile { padding: .75rem 1rem; }
.tile dt { color: var(--quiet); font-size: .87rem; }
.tile dd { margin: 0; font-size: 1.6rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile small { display: block; color: var(--quiet); font-size: .82rem; font-weight: 400; }
.notes { margin: 1rem 0; padding: .7rem 1rem .7rem 2rem; border-radius: .6rem; color: var(--note); background: var(--note-back); }
section { margin: 1rem 0; padding: 1rem 1.25rem 1.1rem; }
figure { margin: .5rem 0; }
.scroll { overflow-x: auto; }
figure svg { display: block; }
figure > div > svg { width: 100%; height: auto; }
.narrow { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0; padding: 0; list-style: none; font-size: .87rem; }
.legend li { display: flex; align-items: center; gap: .5rem; }
.grid { stroke: var(--rule); stroke-width: 1; fill: none; }
.axis { stroke: var(--quiet); stroke-width: 1; fill: none; }
.tick, .name { fill: var(--quiet); font-size: 12px; font-family: inherit; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.a { stroke: var(--a); } .line.b { stroke: var(--b); stroke-dasharray: 7 3; }
.line.c { stroke: var(--c); stroke-width: 1.5; stroke-dasharray: 2 3; }
.area { opacity: .13; stroke: none; } .area.a { fill: var(--a); }
.dot { stroke: var(--card); stroke-width: 1.5; } .dot.b { fill: var(--b); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .35rem .5rem; border-top: 1px solid var(--rule); text-align: right; vertical-align: top; }
th:first-child { text-align: left; font-weight: 600; white-space: nowrap; }
thead th { border-top: 0; color: var(--quiet); font-weight: 400; }
td { white-space: nowrap; }
.details td { white-space: normal; text-align: left; width: 100%; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  main { padding: 1rem .75rem 2rem; } section { padding: .75rem .75rem .9rem; }
  .tiles { grid-template-columns: repeat(2, 1fr); } .tile dd { font-size: 1.3rem; }
  .wide { display: none; } .narrow { display: block; max-width: 30rem; }
  table { font-size: .82rem; } th, td { padding: .35rem .2rem; } th:first-child, .scroll td { white-space: normal; }
  .details td { padding-left: .6rem; }
}
@media print { body { background: none; } section, .tile { break-inside: avoid; } }
"""
