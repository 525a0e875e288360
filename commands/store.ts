/** `postern store`: check, backup, restore and compact what is kept. */
import { resolve } from "node:path";
import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map } from "@optique/core/modifiers";
import { argument, command } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import type { StoreCheck } from "../store/types.ts";
import { type Command, configOption, jsonOption, socketOption, type Task } from "./command.ts";
import { complain, print, printJson, printLine, showSize, visible } from "./output.ts";
import { storeFile, withStore } from "./store_access.ts";

const place = { config: configOption(), socket: socketOption() };
const fileArgument = () => argument(string({ metavar: "FILE" }));

function checkText(check: StoreCheck): string {
  const lines = [
    `schema version ${check.schemaVersion}`,
    `${check.quarantined} quarantined, ${check.blobs} blobs of ${showSize(check.blobOctets)}`,
    `${check.messages} in the message log`,
    `${
      check.greylistKnown + check.greylistWaiting
    } senders and ${check.greylistClients} networks in the greylist`,
    ...check.mended.map((what) => `mended: ${what}`),
    ...check.problems.map((what) => `PROBLEM: ${what}`),
  ];
  const end = check.problems.length === 0 ? "The store is whole." : "The store is not whole.";
  return [...lines.map(visible), end, ""].join("\n");
}

const check = command(
  "check",
  map(
    object({ ...place, json: jsonOption() }),
    ({ json, ...where }): Task => () =>
      withStore(where, async (access) => {
        const found = await access.check();
        if (json) printJson(found);
        else print(checkText(found));
        return found.problems.length === 0 ? 0 : 1;
      }),
  ),
  { brief: message`Read everything, verify it, and mend what a crash left` },
);

const backup = command(
  "backup",
  map(
    object({ file: fileArgument(), ...place }),
    ({ file, ...where }): Task => () =>
      withStore(where, async (access) => {
        const path = resolve(file);
        const { entries, octets, skipped } = await access.backup(path);
        printLine(visible(`${path}: ${entries} entries, ${showSize(octets)}`));
        for (const what of skipped) complain(visible(`NOT in the backup: ${what}`));
        return skipped.length === 0 ? 0 : 1;
      }),
  ),
  {
    brief: message`Write one file with everything, also while the daemon runs`,
    description: message`Exit status 1 where something is damaged and therefore not in it.`,
  },
);

const restore = command(
  "restore",
  map(
    object({ file: fileArgument(), config: configOption() }),
    ({ file, config }): Task => async () => {
      const { restoreStore } = await import("../store/restore.ts");
      const path = await storeFile(config);
      const found = await restoreStore(resolve(file), path);
      printLine(visible(`Restored to ${path}.`));
      print(checkText(found));
      return found.problems.length === 0 ? 0 : 1;
    },
  ),
  {
    brief: message`Make the store of a backup; there must be none yet, and no daemon`,
  },
);

const compact = command(
  "compact",
  map(object({ config: configOption() }), ({ config }): Task => async () => {
    const { compactStore } = await import("../store/compact.ts");
    const path = await storeFile(config);
    const { before, after } = await compactStore(path);
    printLine(visible(`${path}: ${showSize(before)} before, ${showSize(after)} now`));
    return 0;
  }),
  { brief: message`Give the room of what was deleted back to the file system; no daemon may run` },
);

const brief = message`Check, back up, restore and compact the store`;

/** `postern store`. */
export const store: Command = {
  name: "store",
  brief,
  parser: command("store", or(check, backup, restore, compact), { brief }),
};
