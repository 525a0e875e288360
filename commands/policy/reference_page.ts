/** The reference part of docs/policy.md, made from the schema. */
import { policyReference } from "../../policy/reference.ts";

/** Marks between which it stands. */
export const REFERENCE_MARKS = ["<!-- generated: policy reference -->", "<!-- end -->"] as const;

/** @returns Markdown below a heading of the second level. */
export function referencePart(): string {
  const lines = policyReference().split("\n");
  // The page's own title is a heading of docs/policy.md.
  return lines.filter((line) => !line.startsWith("# ")).join("\n").replace(/^## /gm, "### ").trim();
}

/** @returns The page with the part in it. @throws {TypeError} Where it has no marks. */
export function withReference(page: string): string {
  const [begin, end] = REFERENCE_MARKS;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new TypeError("the page has no marks for its reference part");
  return `${page.slice(0, from + begin.length)}\n\n${referencePart()}\n\n${page.slice(to)}`;
}
