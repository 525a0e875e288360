/** A Haraka of the test's own: it takes mail by SMTP, asks one plugin about it, and passes on what is clean. */
import { accepts } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process } from "./process.ts";

/** What Haraka is started with. */
export interface HarakaOptions {
  /** A directory for its configuration and queue. */
  readonly directory: string;
  /** Where it listens: a port of 127.0.0.1. */
  readonly port: number;
  /** Where what is clean goes: a port of 127.0.0.1. */
  readonly nextHop: number;
  /** The plugin that looks for viruses, by its name in `config/plugins`. */
  readonly plugin: string;
  /** That plugin's own file, PLUGIN.ini. */
  readonly ini: string;
  /**
   * A program for /opt/eset/esets/bin/esets_cli, the one place where Haraka's plugin looks: it is put there in a name space that
   * Haraka alone sees. Needs root.
   */
  readonly esetsCli?: string;
}

/** A running Haraka. */
export interface Haraka extends AsyncDisposable {
  log(): string;
}

/** Builds an /opt that has all of the machine's and the program $2 besides, below the directory $1, and runs the rest there. */
const WITH_ESETS_CLI = `
set -eu
directory=$1 program=$2
shift 2
mkdir -p "$directory/machine" "$directory/opt"
mount --rbind /opt "$directory/machine"
for entry in "$directory"/machine/*; do ln -s "$entry" "$directory/opt/"; done
rm -f "$directory/opt/eset"
mkdir -p "$directory/opt/eset/esets/bin"
ln -s "$program" "$directory/opt/eset/esets/bin/esets_cli"
mount --bind "$directory/opt" /opt
exec "$@"
`;

/** Starts it; its port is awaited. */
export async function startHaraka(options: HarakaOptions): Promise<Haraka> {
  const { directory, port, nextHop, plugin, ini, esetsCli } = options;
  const haraka = await peer("haraka");
  const files: Readonly<Record<string, string>> = {
    plugins: `rcpt_to.in_host_list\n${plugin}\nqueue/smtp_forward\n`,
    "smtp.ini": `listen=127.0.0.1:${port}\nnodes=0\n`,
    host_list: "here.test\n",
    me: "haraka.here.test\n",
    "smtp_forward.ini": `host=127.0.0.1\nport=${nextHop}\n`,
    loglevel: "DEBUG\n",
    [`${plugin}.ini`]: ini,
  };
  await Deno.mkdir(`${directory}/config`);
  // It does not start a session without this one, which `haraka --install` would put there.
  const own = (await Deno.realPath(haraka)).replace(/\/bin\/haraka$/, "/config");
  await Deno.copyFile(`${own}/connection.ini`, `${directory}/config/connection.ini`);
  await Deno.mkdir(`${directory}/queue`);
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${directory}/config/${name}`, text);
  }
  const command = [haraka, "-c", directory];
  const placed = esetsCli === undefined
    ? command
    : ["unshare", "--mount", "sh", "-c", WITH_ESETS_CLI, "sh", directory, esetsCli, ...command];
  const [program = haraka, ...args] = placed;
  const process = new Process("haraka", program, args, {
    // A Node that came with it goes before the machine's.
    env: { PATH: `${haraka.slice(0, haraka.lastIndexOf("/"))}:${Deno.env.get("PATH") ?? ""}` },
  });
  try {
    await process.ready("listens", () => accepts(port));
  } catch (error) {
    await process.stop();
    throw error;
  }
  return {
    log: () => process.output,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
