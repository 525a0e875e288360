/** `postern quarantine`: what is kept, looked at, released, deleted, written out. */
import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, command, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { REPORT_STATUSES } from "../policy/types.ts";
import type { QuarantineEntry, QuarantineQuery } from "../store/types.ts";
import {
  type Command,
  configOption,
  EXIT,
  jsonOption,
  socketOption,
  type Task,
} from "./command.ts";
import { exportMessage } from "./export_message.ts";
import { describe } from "./failure.ts";
import { findingsOf, showEntry } from "./quarantine_text.ts";
import {
  complain,
  print,
  printJson,
  printLine,
  showSize,
  showTime,
  table,
  visible,
} from "./output.ts";
import { type ReleaseRequest, withStore } from "./store_access.ts";
import { timeValue } from "./values.ts";

const place = { config: configOption(), socket: socketOption() };
const idArgument = (what: string) =>
  argument(string({ metavar: "ID" }), { description: message`${what}` });
const text = (name: "--sender" | "--recipient" | "--subject" | "--finding", what: string) =>
  optional(option(name, string({ metavar: "TEXT" }), { description: message`${what}` }));

const list = command(
  "list",
  map(
    object({
      ...place,
      since: optional(option("--since", timeValue(), {
        description: message`Not older than this, such as 7d`,
      })),
      sender: text("--sender", "Whose sender has this in it"),
      recipient: text("--recipient", "With a recipient that has this in it"),
      subject: text("--subject", "Whose subject has this in it"),
      finding: text("--finding", "In which something was found whose name has this in it"),
      status: optional(option("--status", choice(REPORT_STATUSES), {
        description: message`Of this status`,
      })),
      limit: withDefault(
        option("--limit", integer({ metavar: "COUNT", min: 1 }), {
          description: message`How many, newest first`,
        }),
        100,
      ),
      json: jsonOption(),
    }),
    ({ json, since, config, socket, ...query }): Task => () =>
      withStore({ config, socket }, async (access) => {
        const wanted: QuarantineQuery = Object.fromEntries(
          Object.entries({ ...query, since: since === undefined ? since : Date.now() - since })
            .filter(([, value]) => value !== undefined),
        );
        const entries = await access.list(wanted);
        if (json) printJson(entries);
        else print(listText(entries));
        return 0;
      }),
  ),
  { brief: message`List what is kept, newest first` },
);

function listText(entries: readonly QuarantineEntry[]): string {
  if (entries.length === 0) return "Nothing is kept that matches.\n";
  return table(
    ["ID", "TIME", "STATUS", "SENDER", "RECIPIENTS", ">SIZE", "FINDING", "SUBJECT"],
    entries.map((entry) => [
      entry.id,
      showTime(entry.time),
      entry.status,
      `<${entry.sender}>`,
      entry.recipients.length > 2
        ? `${entry.recipients[0]} and ${entry.recipients.length - 1} more`
        : entry.recipients.join(", "),
      showSize(entry.size),
      findingsOf(entry) || "-",
      entry.subject ?? "-",
    ]),
  );
}

const show = command(
  "show",
  map(
    object({ id: idArgument("Which"), ...place, json: jsonOption() }),
    ({ id, json, ...where }): Task => () =>
      withStore(where, async (access) => {
        const { entry, view } = await access.show(id);
        if (json) printJson({ ...entry, view });
        else print(showEntry(entry, view));
        return 0;
      }),
  ),
  { brief: message`Show one: envelope, findings, history, header and the first lines` },
);

/**
 * Does the same to each of several messages: what hinders one is said, and does not hinder the others.
 *
 * @param done What is done, in one word.
 * @returns the exit status.
 */
async function forEach(
  ids: readonly string[],
  done: string,
  act: (id: string) => Promise<boolean>,
): Promise<number> {
  let failed = false;
  for (const id of ids) {
    try {
      if (!await act(id)) failed = true;
    } catch (error) {
      failed = true;
      complain(`${visible(id)}: NOT ${done}: ${describe(error)}`);
    }
  }
  return failed ? EXIT.failed : EXIT.ok;
}

const release = command(
  "release",
  map(
    object({
      ids: multiple(idArgument("Which"), { min: 1 }),
      to: multiple(option("-t", "--to", string({ metavar: "ADDRESS" }), {
        description: message`To this recipient alone; may be given several times`,
      })),
      nextHop: optional(option("--next-hop", string({ metavar: "HOP" }), {
        description: message`Through this one: smtp://HOST:PORT, lmtp://HOST:PORT, maildir:PATH`,
      })),
      force: option("--force", {
        description: message`Also to who has it already, or may have`,
      }),
      ...place,
    }),
    ({ ids, to, nextHop, force, ...where }): Task => () =>
      withStore(where, async (access) => {
        const request: ReleaseRequest = {
          ...(to.length === 0 ? {} : { recipients: to, otherRecipients: true }),
          ...(nextHop === undefined ? {} : { nextHop }),
          ...(force ? { force } : {}),
        };
        return await forEach(ids, "released", async (id) => {
          const { released, failed, nextHop: hop } = await access.release(id, request);
          for (const { recipient, reply } of released) {
            printLine(visible(`${id}: released to <${recipient}> through ${hop}: ${reply}`));
          }
          for (const { recipient, reply } of failed) {
            complain(visible(`${id}: NOT released to <${recipient}> through ${hop}: ${reply}`));
          }
          return failed.length === 0;
        });
      }),
  ),
  {
    brief: message`Send it to its recipients through the next hop, as it came`,
    description:
      message`The message stays in quarantine until it is deleted or expires; each try is noted in its history and in the log.
Exit status 1 when a recipient of any of them did not get it.`,
  },
);

const remove = command(
  "delete",
  map(
    object({ ids: multiple(idArgument("Which"), { min: 1 }), ...place }),
    ({ ids, ...where }): Task => () =>
      withStore(where, (access) =>
        forEach(ids, "deleted", async (id) => {
          const [deleted] = await access.delete([id]);
          if (deleted === undefined) complain(visible(`${id}: there is no such message`));
          else printLine(`${id}: deleted`);
          return deleted !== undefined;
        })),
  ),
  { brief: message`Delete for good` },
);

const exporting = command(
  "export",
  map(
    object({
      id: idArgument("Which"),
      output: withDefault(
        option("-o", "--output", string({ metavar: "FILE" }), {
          description: message`Where to; - is stdout. Without it ID.eml.quarantined here`,
        }),
        "",
      ),
      ...place,
    }),
    ({ id, output, ...where }): Task => () =>
      withStore(where, async (access) => {
        const octets = await access.read(id);
        const path = exportMessage(id, output, octets);
        await access.noteExport(id, path);
        if (path !== "stdout") printLine(`${id}: written to ${path}`);
        return 0;
      }),
  ),
  {
    brief: message`Write the message as it came to a file`,
    description:
      message`The file is one that no program opens by itself: readable for its owner only, never executable, and with a name
that stands for no type. An existing file is not replaced.`,
  },
);

const grammar = or(list, show, release, remove, exporting);

/** `postern quarantine`. */
export const quarantine: Command = {
  name: "quarantine",
  brief: message`List, show, release, delete and export what is kept`,
  parser: command("quarantine", grammar, {
    brief: message`List, show, release, delete and export what is kept`,
    description: message`Through the running daemon; where none runs, on the store itself.`,
  }),
};
