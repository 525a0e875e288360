/** `postern policy replay`: recorded mail, decided by another policy. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional, withDefault } from "@optique/core/modifiers";
import { argument, command, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { configOption, EXIT, jsonOption, socketOption, type Task } from "../command.ts";
import { print, printLine, showTime, visible } from "../output.ts";
import { withStore } from "../store_access.ts";
import { policyOf } from "./document.ts";
import { type Change, compareRecord, type Side } from "./replay/compare.ts";
import { ReplayPolicy } from "./replay/decide.ts";
import { messageLog, type PageReader } from "./replay/pages.ts";
import { ReplaySummary } from "./replay/summary.ts";
import { momentValue } from "./moment.ts";

interface Options {
  readonly file: string | undefined;
  readonly against: string | undefined;
  readonly since: number;
  readonly until: number;
  readonly config: string | undefined;
  readonly socket: string | undefined;
  readonly json: boolean;
}

async function replayPolicy(file: string | undefined, config: string | undefined) {
  const read = await policyOf(file, config);
  return { read, policy: new ReplayPolicy(read.tree, read.document) };
}

/** Prints changes as they are found: there may be more than fit in memory. */
class Report {
  #changes = 0;
  readonly #json: boolean;

  constructor(json: boolean) {
    this.#json = json;
  }

  change(change: Change): void {
    const first = this.#changes++ === 0;
    if (this.#json) {
      print(`${first ? '{\n  "changes": [\n    ' : ",\n    "}${JSON.stringify(change)}`);
      return;
    }
    const { queueId, time, sender, recipient, was, wouldBe } = change;
    const who = `<${sender}>${recipient === undefined ? "" : ` -> <${recipient}>`}`;
    printLine(visible(`${showTime(time)}  ${queueId}  ${who}`));
    printLine(visible(`  was       ${said(was)}`));
    printLine(visible(`  would be  ${said(wouldBe)}`));
  }

  end(summary: ReplaySummary, facts: Readonly<Record<string, unknown>>): void {
    const { records, same, changed, undecided, unreadable, unknown, kinds } = summary;
    if (this.#json) {
      const rest = JSON.stringify(
        { ...facts, records, same, changed, undecided, unreadable, kinds, unknown },
        null,
        2,
      );
      print(`${this.#changes === 0 ? '{\n  "changes": [' : "\n  "}],${rest.slice(1)}\n`);
      return;
    }
    if (changed > 0) printLine();
    for (const { was, wouldBe, by, count } of kinds) {
      printLine(visible(`${count} x ${was} -> ${wouldBe} (${by})`));
    }
    printLine(`${records} messages: ${same} outcomes stay, ${changed} change`);
    if (undecided > 0) {
      printLine(`${undecided} could not be decided: the log does not keep what it takes`);
      for (const { why, count } of unknown) printLine(visible(`  ${count}: ${why}`));
    }
    if (unreadable > 0) printLine(`${unreadable} entries of the log could not be read`);
  }
}

function said({ action, by, reply, redirect, quarantine, open }: Side): string {
  if (open && action === "accept") return "let in; what then, only its content could tell";
  const kept = quarantine && action !== "quarantine" ? ", a copy kept" : "";
  const to = redirect === undefined ? "" : ` to ${redirect.join(", ")}`;
  const words = reply === undefined ? "" : `: ${reply}`;
  return `${action}${to}${kept} (${by})${words}`;
}

async function run(options: Options): Promise<number> {
  const candidate = await replayPolicy(options.file, options.config);
  const against = options.against === undefined
    ? undefined
    : await replayPolicy(options.against, undefined);
  return await withStore(options, async (store) => {
    const read: PageReader = (query) => store.messages(query);
    const summary = new ReplaySummary();
    const report = new Report(options.json);
    for await (const record of messageLog(read, options.since, options.until)) {
      summary.records++;
      if (record === undefined) {
        summary.unreadable++;
        continue;
      }
      for (const comparison of compareRecord(record, candidate.policy, against?.policy)) {
        summary.add(comparison);
        if (comparison.kind === "changed") report.change(comparison.change);
      }
    }
    report.end(summary, {
      policy: candidate.read.path,
      hash: candidate.read.hash,
      against: against === undefined
        ? "recorded"
        : { policy: against.read.path, hash: against.read.hash },
      since: options.since,
      until: options.until,
    });
    return summary.changed === 0 ? EXIT.ok : EXIT.failed;
  });
}

/** `postern policy replay`. */
export const policyReplay = command(
  "replay",
  map(
    object({
      file: optional(argument(string({ metavar: "FILE" }), {
        description: message`Policy document or bundle; without it that of the configuration`,
      })),
      against: optional(option("--against", string({ metavar: "FILE" }), {
        description:
          message`Compare with what this policy decides; without it with what was decided then`,
      })),
      since: withDefault(
        option("--since", momentValue(), {
          description: message`Mail from then on: a time ago (7d, 12h) or a date`,
        }),
        () => Date.now() - 7 * 86_400_000,
      ),
      until: withDefault(
        option("--until", momentValue(), { description: message`Mail up to then` }),
        () => Date.now(),
      ),
      config: configOption(),
      socket: socketOption(),
      json: jsonOption(),
    }),
    (options): Task => () => run(options),
  ),
  {
    brief: message`Decide recorded mail under another policy, and list what would change`,
    description:
      message`Reads the message log, through the daemon where it runs. The scan is not repeated: what was found then is
decided anew. Exit status: 0 when no outcome changes, 1 when one does.`,
  },
);
