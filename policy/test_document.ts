/**
 * `*.policy-test.ts`: mail and what the policy must make of it. Data like the policy itself; `postern policy test` runs it.
 */
import * as z from "zod";
import { documentIssues, PolicyDocumentError } from "./document_error.ts";
import { type MailInput, mailSchema } from "./mail.ts";
import { ACTIONS, type Outcome, type Phase, PHASES, REPORT_STATUSES } from "./types.ts";

/** What a case expects of each recipient. */
export const expectSchema = z.strictObject({
  action: z.enum(ACTIONS).optional(),
  reply: z.string().optional().describe("the whole reply, * stands for any characters"),
  by: z.string().optional().describe(
    "what gave the action: rule:NAME, antivirus.infected, default, ...",
  ),
  phase: z.enum(PHASES).optional().describe("the earliest moment at which it is decided"),
  quarantine: z.boolean().optional().describe("a copy is kept"),
  status: z.enum(REPORT_STATUSES).optional(),
  redirect: z.array(z.string()).optional(),
  greylist: z.boolean().optional().describe(
    "at RCPT a first try has to come again, where the client is not known yet",
  ),
  settings: z.record(z.string(), z.record(z.string(), z.unknown())).optional().describe(
    "settings as they come out, sizes in octets and times in milliseconds; only those named are compared",
  ),
}).refine((expect) => Object.keys(expect).length > 0, "at least one thing to expect");

const caseSchema = z.strictObject({
  name: z.string().min(1).max(200),
  mail: mailSchema.extend({
    eml: z.string().optional().describe(
      "a message file, relative to this document, scanned for its facts",
    ),
  }),
  expect: expectSchema.describe("for each recipient of the mail"),
});

/** The document. */
export const policyTestSchema = z.strictObject({
  policy: z.string().default("./policy.ts").describe(
    "the policy under test, relative to this document",
  ),
  cases: z.array(caseSchema).min(1),
});

/** The document, checked. */
export type PolicyTest = z.output<typeof policyTestSchema>;
/** One case, checked. */
export type PolicyTestCase = PolicyTest["cases"][number];
/** What a case may expect. */
export type Expectation = z.output<typeof expectSchema>;

/** What a case may expect, as people write it. By import, as what `deno doc` shows of the library names no schema. */
export type ExpectationInput =
  (typeof import("./test_document.ts"))["expectSchema"]["_zod"]["input"];

/** The document as people write it. */
export interface PolicyTestInput {
  /** Path of the policy, seen from the test document. */
  readonly policy?: string;
  /** Mail, and what has to become of it. */
  readonly cases: readonly {
    readonly name: string;
    readonly mail: MailInput & { readonly eml?: string };
    readonly expect: ExpectationInput;
  }[];
}

/**
 * Types a policy test and returns it as it is.
 *
 * @param test The cases.
 */
export function definePolicyTest(test: PolicyTestInput): PolicyTestInput {
  return test;
}

/**
 * Checks the value of a `*.policy-test.ts`.
 *
 * @throws {PolicyDocumentError} `"document/invalid"` with every issue.
 */
export function checkPolicyTest(value: unknown, file?: string): PolicyTest {
  const result = policyTestSchema.safeParse(value);
  if (result.success) return result.data;
  throw new PolicyDocumentError(documentIssues(result.error.issues, policyTestSchema, value), file);
}

/** Something that came out otherwise than expected. */
export interface Difference {
  /** `action`, `settings.antispam.threshold`, ... */
  readonly what: string;
  readonly expected: unknown;
  readonly found: unknown;
}

/**
 * Compares an outcome with what is expected.
 *
 * @param phase The earliest phase at which the outcome was final.
 * @param greylist Whether a first try has to come again.
 */
export function differences(
  expect: Expectation,
  outcome: Outcome,
  phase: Phase,
  greylist: boolean,
): Difference[] {
  const found: Difference[] = [];
  const compare = (what: string, expected: unknown, got: unknown) => {
    if (expected !== undefined && JSON.stringify(expected) !== JSON.stringify(got)) {
      found.push({ what, expected, found: got });
    }
  };
  compare("action", expect.action, outcome.action);
  compare("by", expect.by, outcome.by);
  compare("phase", expect.phase, phase);
  compare("quarantine", expect.quarantine, outcome.quarantine);
  compare("status", expect.status, outcome.status);
  compare("redirect", expect.redirect, outcome.redirect);
  compare("greylist", expect.greylist, greylist);
  if (expect.reply !== undefined && !matches(expect.reply, outcome.reply ?? "")) {
    found.push({ what: "reply", expected: expect.reply, found: outcome.reply });
  }
  const settings: Readonly<Record<string, unknown>> = { ...outcome.settings };
  for (const [area, wanted] of Object.entries(expect.settings ?? {})) {
    const got = settings[area];
    for (const [name, value] of Object.entries(wanted)) {
      const here = typeof got === "object" && got !== null
        ? (got as Readonly<Record<string, unknown>>)[name]
        : undefined;
      compare(`settings.${area}.${name}`, value, here);
    }
  }
  return found;
}

/** `*` stands for any characters, everything else for itself. */
function matches(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (!text.startsWith(first)) return false;
  if (rest.length === 0) return text === first;
  let at = first.length;
  const last = rest.pop() ?? "";
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
