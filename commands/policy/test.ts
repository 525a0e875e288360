/** `postern policy test`: runs `*.policy-test.ts` beside the policy. */
import { readdir, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple } from "@optique/core/modifiers";
import { argument, command } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { evaluateDocument } from "../../daemon/documents/evaluate.ts";
import { readPolicy } from "../../daemon/documents.ts";
import { PosternError } from "../../errors.ts";
import { decide } from "../../policy/decide.ts";
import { directionOf } from "../../policy/direction.ts";
import { greylistTerms } from "../../policy/greylisting.ts";
import { mailFacts, mailRecipients } from "../../policy/mail.ts";
import {
  checkPolicyTest,
  type Difference,
  differences,
  type PolicyTestCase,
} from "../../policy/test_document.ts";
import type { DecisionTree } from "../../policy/tree.ts";
import { type Facts, type Outcome, type Phase, PHASES } from "../../policy/types.ts";
import { configOption, EXIT, jsonOption, type Task } from "../command.ts";
import { complain, printJson, printLine, visible } from "../output.ts";
import { DOCUMENT_TIME_MS, policyOption, policyPlace } from "./document.ts";
import { RealMail } from "./real_mail.ts";

const SUFFIX = ".policy-test.ts";

/** What came of one case. */
interface CaseResult {
  readonly file: string;
  readonly name: string;
  readonly passed: boolean;
  readonly differences: readonly (Difference & { readonly recipient: string })[];
}

/** Test files: those named, those in the directories named, else those beside the policy. */
async function testFiles(named: readonly string[], policyDirectory: string): Promise<string[]> {
  const files: string[] = [];
  for (const path of named.length > 0 ? named : [policyDirectory]) {
    const found = await stat(path).catch((cause) => {
      throw new PosternError("document/unreadable", `There is no ${path}`, { cause });
    });
    if (!found.isDirectory()) files.push(resolve(path));
    else {
      const names = (await readdir(path)).filter((name) => name.endsWith(SUFFIX)).sort();
      files.push(...names.map((name) => resolve(path, name)));
    }
  }
  return files;
}

/** A message file beside the test: a test that somebody pushed reads nothing else of the machine that runs it. */
async function messageFile(file: string, eml: string): Promise<string> {
  const path = resolve(dirname(file), eml);
  const [directory, real] = await Promise.all([
    Deno.realPath(dirname(file)),
    Deno.realPath(path).catch((cause) => {
      throw new PosternError("document/unreadable", `Cannot read the message ${path}`, { cause });
    }),
  ]);
  if (!real.startsWith(`${directory}/`)) {
    throw new PosternError(
      "document/forbidden",
      `${file}: names the message ${eml}, which is not in the directory of the test`,
    );
  }
  return real;
}

/** The outcome of a mail, and the earliest phase at which it was final. */
export function decideThrough(
  tree: DecisionTree,
  facts: Facts,
): { outcome: Outcome; phase: Phase } {
  for (const phase of PHASES) {
    const outcome = decide(tree, phase, facts);
    if (outcome.final || phase === "verdict") return { outcome, phase };
  }
  throw new TypeError("there is no phase");
}

async function runCase(
  file: string,
  one: PolicyTestCase,
  said: ReadonlySet<string>,
  tree: DecisionTree,
  real: RealMail,
): Promise<CaseResult> {
  const found: (Difference & { recipient: string })[] = [];
  for (const recipient of mailRecipients(one.mail)) {
    let facts = withDirection(tree, mailFacts(one.mail, recipient, Date.now()));
    if (one.mail.eml !== undefined) {
      const before = decide(tree, "recipient", facts);
      const known = await real.facts(await messageFile(file, one.mail.eml), tree, before);
      facts = withDirection(tree, mailFacts(one.mail, recipient, Date.now(), known, said));
    }
    const { outcome, phase } = decideThrough(tree, facts);
    const waits = greylistTerms(decide(tree, "recipient", facts), facts) !== undefined;
    found.push(...differences(one.expect, outcome, phase, waits).map((d) => ({ ...d, recipient })));
  }
  return { file, name: one.name, passed: found.length === 0, differences: found };
}

/** Facts with the direction that addresses and client give, where the description says none. */
export function withDirection(tree: DecisionTree, facts: Facts): Facts {
  if (facts.direction !== undefined) return facts;
  const { client, sender = "", recipient = "", user } = facts;
  const direction = directionOf(tree, {
    client: client ?? undefined,
    sender,
    recipient,
    user: user ?? undefined,
  });
  return { ...facts, direction };
}

function describe(difference: Difference & { recipient: string }): string {
  const show = (value: unknown) => value === undefined ? "nothing" : JSON.stringify(value);
  return `    ${difference.what}: expected ${show(difference.expected)}, found ${
    show(difference.found)
  } (to ${difference.recipient})`;
}

async function run(options: {
  readonly files: readonly string[];
  readonly policy: string | undefined;
  readonly config: string | undefined;
  readonly json: boolean;
}): Promise<number> {
  const beside =
    options.files.length === 0 || options.policy !== undefined || options.config !== undefined
      ? await policyPlace(options.policy, options.config)
      : undefined;
  const files = await testFiles(options.files, beside ? dirname(resolve(beside.path)) : ".");
  if (files.length === 0) {
    complain(`postern: policy test: there is no *${SUFFIX} beside the policy: name the test files`);
    return EXIT.noInput;
  }
  const results: CaseResult[] = [];
  const real = new RealMail();
  try {
    for (const file of files) {
      const value = await evaluateDocument(file, DOCUMENT_TIME_MS);
      const test = checkPolicyTest(value, file);
      const path = options.policy ?? resolve(dirname(file), test.policy);
      const { tree } = await readPolicy(path, beside?.timeMs ?? DOCUMENT_TIME_MS);
      const said = saidBy(value);
      for (const [index, one] of test.cases.entries()) {
        results.push(await runCase(file, one, said[index] ?? new Set(), tree, real));
      }
    }
  } finally {
    await real.close();
  }
  const failed = results.filter((result) => !result.passed);
  if (options.json) {
    printJson({ passed: results.length - failed.length, failed: failed.length, cases: results });
  } else {
    for (const file of files) {
      printLine(visible(relative(Deno.cwd(), file)));
      for (const result of results.filter((r) => r.file === file)) {
        printLine(visible(`  ${result.passed ? "ok    " : "FAILED"} ${result.name}`));
        for (const difference of result.differences) printLine(visible(describe(difference)));
      }
    }
    printLine(`${results.length - failed.length} passed, ${failed.length} failed`);
  }
  return failed.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Which names each case's mail says itself, before defaults are filled in. */
function saidBy(value: unknown): readonly ReadonlySet<string>[] {
  const cases = (value as { cases: readonly { mail: object }[] }).cases;
  return cases.map(({ mail }) => new Set(Object.keys(mail)));
}

/** `postern policy test`. */
export const policyTest = command(
  "test",
  map(
    object({
      files: multiple(argument(string({ metavar: "FILE" }), {
        description:
          message`*.policy-test.ts files or directories; without any those beside the policy`,
      })),
      policy: policyOption(),
      config: configOption(),
      json: jsonOption(),
    }),
    (options): Task => () => run(options),
  ),
  {
    brief: message`Run the policy's tests: mail, and what must become of it`,
    description:
      message`Each case describes a mail, or names an .eml file that is scanned, and what the policy must make of it.
Exit status: 0 when all pass, 1 when one does not.`,
  },
);
