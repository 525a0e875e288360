/** `postern greylist`: whose first try waits, and who is known. */
import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional, withDefault } from "@optique/core/modifiers";
import { command, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { clientNetwork } from "../daemon/greylist.ts";
import { PosternError } from "../errors.ts";
import type { GreylistEntry, GreylistQuery } from "../store/types.ts";
import {
  type Command,
  configOption,
  EXIT,
  jsonOption,
  socketOption,
  type Task,
} from "./command.ts";
import { complain, print, printJson, printLine, showTime, table, visible } from "./output.ts";
import { withStore } from "./store_access.ts";

const place = { config: configOption(), socket: socketOption() };
const which = {
  client: optional(option("--client", string({ metavar: "ADDRESS" }), {
    description: message`Of this client's network`,
  })),
  sender: optional(option("--sender", string({ metavar: "TEXT" }), {
    description: message`Whose sender has this in it`,
  })),
  recipient: optional(option("--recipient", string({ metavar: "TEXT" }), {
    description: message`Whose recipient has this in it`,
  })),
};

/** What the options ask. @throws {PosternError} `command/usage` for a client that is no address. */
function queryOf(
  { client, sender, recipient }: {
    readonly client: string | undefined;
    readonly sender: string | undefined;
    readonly recipient: string | undefined;
  },
): GreylistQuery {
  const network = client === undefined ? undefined : clientNetwork(client);
  if (client !== undefined && network === undefined) {
    throw new PosternError("command/usage", `${JSON.stringify(client)} is no address of a client`);
  }
  return {
    ...(network === undefined ? {} : { network }),
    ...(sender === undefined ? {} : { sender }),
    ...(recipient === undefined ? {} : { recipient }),
  };
}

function listText(entries: readonly GreylistEntry[]): string {
  if (entries.length === 0) return "Nothing is in the greylist that matches.\n";
  return table(
    ["CLIENT", "SENDER", "RECIPIENT", "STATE", "FIRST", "UNTIL"],
    entries.map(({ network, sender, recipient, first, passed, until }) => [
      network,
      sender === undefined ? "-" : `<${sender}>`,
      recipient === undefined ? "-" : `<${recipient}>`,
      sender === undefined ? `came again for ${passed}` : passed === undefined ? "waits" : "known",
      first === undefined ? "-" : showTime(first),
      showTime(until),
    ]),
  );
}

const list = command(
  "list",
  map(
    object({
      ...place,
      ...which,
      limit: withDefault(
        option("--limit", integer({ metavar: "COUNT", min: 1 }), {
          description: message`How many`,
        }),
        100,
      ),
      json: jsonOption(),
    }),
    ({ json, limit, config, socket, ...asked }): Task => () =>
      withStore({ config, socket }, async (access) => {
        const entries = await access.listGreylist({ ...queryOf(asked), limit });
        if (json) printJson(entries);
        else print(listText(entries));
        return 0;
      }),
  ),
  { brief: message`List networks, then senders and recipients by network` },
);

const clear = command(
  "clear",
  map(
    object({
      ...place,
      ...which,
      all: option("--all", { description: message`All of it` }),
    }),
    ({ all, config, socket, ...asked }): Task => async () => {
      const query = queryOf(asked);
      if (all !== (Object.keys(query).length === 0)) {
        complain("postern: greylist clear: say what to forget, or --all and nothing else");
        return EXIT.usage;
      }
      return await withStore({ config, socket }, async (access) => {
        printLine(visible(`${await access.clearGreylist(query)} records are forgotten.`));
        return 0;
      });
    },
  ),
  {
    brief: message`Forget some of it: its mail has to come again`,
    description:
      message`To let mail in at once, say so in the policy instead: greylist.action "pass".`,
  },
);

const brief = message`Show whose mail has to come again, and who is known`;

/** `postern greylist`. */
export const greylist: Command = {
  name: "greylist",
  brief,
  parser: command("greylist", or(list, clear), {
    brief,
    description: message`Through the running daemon; where none runs, on the store itself.`,
  }),
};
