/** What is wrong with a document: where, what was found, what is allowed, what was probably meant. */
import type * as z from "zod";
import { PosternError } from "../errors.ts";
import { allowedAt, valueAt } from "./schema_walk.ts";
import { nearest } from "./nearest.ts";

/** One thing that is wrong with a document. */
export interface DocumentIssue {
  /** Place in the document: `rules[12].when.sender[3]`; `""` for the whole. */
  readonly path: string;
  /** One clause without a full stop. */
  readonly message: string;
  /** What stands there, as JSON, cut at 80 characters. */
  readonly found?: string;
  /** Names or values that may stand there, where they are a closed set. */
  readonly allowed?: readonly string[];
  /** The allowed one that is spelt most like what was found. */
  readonly nearest?: string;
}

/** A document that does not check. `message` has every issue on a line of its own. */
export class PolicyDocumentError extends PosternError {
  /** Everything that is wrong, in the document's order. */
  readonly issues: readonly DocumentIssue[];
  /** The file, where it is known. */
  readonly file: string | undefined;

  /**
   * Makes the error, its message a line for each issue.
   *
   * @param file The document's path, where it is known.
   */
  constructor(issues: readonly DocumentIssue[], file?: string) {
    super("document/invalid", issues.map((issue) => formatIssue(issue, file)).join("\n"));
    this.issues = issues;
    this.file = file;
  }
}

/** Most issues that an error lists; a document of 100,000 wrong rules needs no more. */
const MAX_ISSUES = 100;
/** Most allowed values that a message lists. */
const MAX_LISTED = 40;

/** One line: `policy.ts: rules[2].then.action: found "rejct"; did you mean "reject"? allowed: ...`. */
export function formatIssue(issue: DocumentIssue, file?: string): string {
  const place = [file, issue.path].filter((part) => part !== undefined && part !== "").join(": ");
  const clauses = [issue.message];
  if (issue.found !== undefined) clauses.push(`found ${issue.found}`);
  if (issue.nearest !== undefined) clauses.push(`did you mean ${JSON.stringify(issue.nearest)}?`);
  if (issue.allowed !== undefined && issue.allowed.length > 0) {
    const more = issue.allowed.length - MAX_LISTED;
    clauses.push(
      `allowed: ${issue.allowed.slice(0, MAX_LISTED).join(", ")}${
        more > 0 ? `, and ${more} more` : ""
      }`,
    );
  }
  return (place === "" ? "" : `${place}: `) + clauses.join("; ");
}

/** `["rules", 12, "when"]` as `rules[12].when`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(String(key))) text += (text === "" ? "" : ".") + String(key);
    else text += `[${JSON.stringify(String(key))}]`;
  }
  return text;
}

/** The value as JSON, short. */
export function formatFound(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    text = undefined;
  }
  text ??= typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Makes issues of zod's, with what was found and what is allowed. */
export function documentIssues(
  issues: readonly z.core.$ZodIssue[],
  schema: z.ZodType,
  document: unknown,
): DocumentIssue[] {
  const made: DocumentIssue[] = [];
  for (const issue of issues) {
    if (made.length >= MAX_ISSUES) break;
    // A misspelt name comes first: it explains why another is missing.
    const flat = flatten(issue, []).sort((a, b) => Number(isSpelling(b)) - Number(isSpelling(a)));
    for (const one of flat) made.push(...describe(one, schema, document));
  }
  return made;
}

function isSpelling({ issue }: FlatIssue): boolean {
  return issue.code === "unrecognized_keys";
}

interface FlatIssue {
  readonly path: readonly PropertyKey[];
  readonly issue: z.core.$ZodIssue;
  /** Of several branches of a union: every value any of them takes. */
  readonly values?: readonly string[];
}

/** Follows unions into the branch that fits best: the one whose own error lies deepest. */
function flatten(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): FlatIssue[] {
  const path = [...above, ...issue.path];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ path, issue }];
  const branches = issue.errors.map((errors) => errors.flatMap((error) => flatten(error, path)));
  const meant = branches.filter((branch) =>
    !branch.some((one) => one.issue.code === "invalid_type" && one.path.length === path.length)
  );
  const [only] = meant;
  if (meant.length === 1 && only) return only;
  if (meant.length > 1) {
    const values = meant.flatMap((branch) => branch.flatMap((one) => valuesOf(one)));
    const best = meant.reduce((a, b) => depth(b) > depth(a) ? b : a);
    const [first] = best;
    if (depth(best) > path.length || !first) return best;
    return values.length > 0 ? [{ ...first, values }] : [first];
  }
  return [{ path, issue }];
}

function depth(branch: readonly FlatIssue[]): number {
  return Math.max(...branch.map((one) => one.path.length));
}

function valuesOf({ issue, values }: FlatIssue): readonly string[] {
  return values ?? (issue.code === "invalid_value" ? issue.values.map(String) : []);
}

function describe(flat: FlatIssue, schema: z.ZodType, document: unknown): DocumentIssue[] {
  const { issue } = flat;
  const path = formatPath(flat.path);
  if (issue.code === "unrecognized_keys") {
    const allowed = allowedAt(schema, flat.path, document);
    return issue.keys.map((key) =>
      withNearest(formatPath([...flat.path, key]), "no such name here", key, allowed)
    );
  }
  const value = valueAt(document, flat.path);
  if (issue.code === "invalid_union" && issue.errors.length === 0 && value !== undefined) {
    return [
      withNearest(path, "no such value", value, allowedAt(schema, flat.path, document, "values")),
    ];
  }
  if (value === undefined) {
    const last = flat.path.at(-1);
    if (issue.code === "invalid_type" || issue.code === "invalid_value") {
      return [{ path, message: last === undefined ? "there is no document" : "is missing" }];
    }
  }
  const values = valuesOf(flat);
  if (values.length > 0) {
    const allowed = [...new Set(values)];
    return [withNearest(path, "no such value", value, allowed)];
  }
  const message = issue.code === "invalid_type"
    ? `expected ${issue.expected}`
    : issue.code === "invalid_union"
    ? `expected ${allowedAt(schema, flat.path, document, "kinds").join(" or ") || "another form"}`
    : issue.code === "invalid_format" || issue.code === "custom"
    ? expectation(issue.message)
    : issue.message.replace(/^Too (big|small): /, "");
  return [{ path, message, ...(value === undefined ? {} : { found: formatFound(value) }) }];
}

function expectation(message: string): string {
  return /^(?:an?|at least|the) /.test(message) ? `expected ${message}` : message;
}

/** An issue about a name or value of a closed set. */
export function withNearest(
  path: string,
  message: string,
  value: unknown,
  allowed: readonly string[],
): DocumentIssue {
  const like = typeof value === "string" ? nearest(value, allowed) : undefined;
  return {
    path,
    message,
    found: formatFound(value),
    allowed,
    ...(like === undefined ? {} : { nearest: like }),
  };
}
