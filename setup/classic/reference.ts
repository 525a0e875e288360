/** The table of docs/classic.md, made from the table that the translator acts by. */
import { CLASSIC_PARAMETERS } from "./parameters.ts";

/** Marks between which the generated table stands in docs/classic.md. */
export const TABLE_MARKS = ["<!-- generated: classic parameters -->", "<!-- end -->"] as const;

/** @returns A Markdown table, one row a parameter. */
export function classicTable(): string {
  const rows = CLASSIC_PARAMETERS.map(({ section, name, placement }) => {
    const became = placement.to === "none"
      ? `no place: ${placement.reason}`
      : `\`${placement.setting}\`${placement.to === "policy" ? ` (${placement.values})` : ""}`;
    const where = {
      policy: "policy.ts, settings or a rule",
      config: "postern.config.ts",
      structure: "policy.ts",
      none: "a comment",
    }[placement.to];
    return `| ${section === "*" ? "any" : `[${section}]`} | \`${name}\` | ${where} | ${became} |`;
  });
  return ["| section | parameter | goes to | as |", "| --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}
