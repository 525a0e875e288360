/** A clamd of the test's own, with signatures that nobody else has; beside any other on the machine. */
import { createHash } from "node:crypto";
import { accepts, freePort } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process } from "./process.ts";

/** A running clamd. */
export interface Clamd extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  readonly port: number;
  /** Path of a unix socket that everybody may connect to. */
  readonly socket: string;
  readonly process: Process;
}

/** Lines of an .hdb file: contents by the name that they are found under. */
export function hashDatabase(contents: Readonly<Record<string, Uint8Array>>): string {
  return Object.entries(contents).map(([name, content]) =>
    `${createHash("md5").update(content).digest("hex")}:${content.length}:${name}\n`
  ).join("");
}

/**
 * Starts it.
 *
 * @param directory An empty directory that other users may enter.
 * @param contents What it is to find, by name.
 * @param maxOctets StreamMaxLength.
 */
export async function startClamd(
  directory: string,
  contents: Readonly<Record<string, Uint8Array>>,
  maxOctets = 1_000_000,
): Promise<Clamd> {
  const port = freePort();
  const socket = `${directory}/clamd.ctl`;
  await Deno.mkdir(`${directory}/database`);
  await Deno.writeTextFile(`${directory}/database/test.hdb`, hashDatabase(contents));
  const configuration = `${directory}/clamd.conf`;
  await Deno.writeTextFile(
    configuration,
    `
Foreground yes
DatabaseDirectory ${directory}/database
LocalSocket ${socket}
LocalSocketMode 666
TCPSocket ${port}
TCPAddr 127.0.0.1
StreamMaxLength ${maxOctets}
MaxThreads 4
PidFile ${directory}/clamd.pid
`,
  );
  const process = new Process("clamd", await peer("clamd"), ["-c", configuration]);
  try {
    await process.ready("listens", () => accepts(port));
    await process.ready("has its socket", () => Deno.stat(socket).then(() => true, () => false));
  } catch (error) {
    await process.stop();
    throw error;
  }
  return {
    address: `127.0.0.1:${port}`,
    port,
    socket,
    process,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
