/** Mail programs that fetch a mailbox by POP3, each run as its users run it. */
import { peer, type PeerName } from "./peer.ts";
import { run } from "./process.ts";

/** Longest that a program may take, ms. */
const PROGRAM_MS = 120_000;

/** Where and who. */
export interface Fetching {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** How many messages there are. */
  readonly count: number;
  /** An empty directory for the program's own. */
  readonly directory: string;
}

/** By program: fetches every message and leaves it on the server. Returns what it wrote, one file a message or all in one. */
export const POP3_PROGRAMS: Readonly<
  Partial<Record<PeerName, (fetching: Fetching) => Promise<Uint8Array[]>>>
> = {
  async curl({ port, user, password, count, directory }) {
    const args = ["-sS", "--user", `${user}:${password}`, "-o", `${directory}/#1`];
    await succeed("curl", [...args, `pop3://127.0.0.1:${port}/[1-${count}]`]);
    return await filesOf(directory);
  },
  async mpop({ port, user, password, directory }) {
    const maildir = await makeMaildir(directory);
    await succeed("mpop", [
      "--host=127.0.0.1",
      `--port=${port}`,
      `--user=${user}`,
      `--passwordeval=echo ${password}`,
      "--tls=off",
      "--keep=on",
      "--received-header=off",
      `--uidls-file=${directory}/uidls`,
      `--delivery=maildir,${maildir}`,
    ]);
    return await filesOf(`${maildir}/new`);
  },
  async getmail({ port, user, password, directory }) {
    const maildir = await makeMaildir(directory);
    await Deno.writeTextFile(
      `${directory}/getmailrc`,
      `[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = ${port}
username = ${user}
password = ${password}
[destination]
type = Maildir
path = ${maildir}/
[options]
verbose = 0
received = false
delivered_to = false
`,
      { mode: 0o600 },
    );
    const command = [await peer("getmail"), `--getmaildir=${directory}`, "--rcfile=getmailrc"];
    if (Deno.uid() === 0) { // as whom it delivers nothing
      await succeed("chown", ["-R", "nobody:nogroup", directory]);
      const nobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"];
      await succeed("setpriv", [...nobody, ...command]);
    } else await succeed("python3", command);
    return await filesOf(`${maildir}/new`);
  },
  async fetchmail({ port, user, password, directory }) {
    const configuration = `${directory}/fetchmailrc`;
    await Deno.writeTextFile(
      configuration,
      `set invisible
poll 127.0.0.1 service ${port} protocol pop3 user "${user}" password "${password}" sslproto "" fetchall keep
  mda "cat >>${directory}/mail"
`,
      { mode: 0o600 },
    );
    await succeed("fetchmail", ["--silent", "--nosyslog", "-f", configuration], {
      FETCHMAILHOME: directory,
      HOME: directory,
    });
    return [await Deno.readFile(`${directory}/mail`)];
  },
  async python3({ port, user, password, count, directory }) {
    const program = `import poplib, sys
poplib._MAXLINE = 1 << 20
_, port, user, password, count, directory = sys.argv
box = poplib.POP3("127.0.0.1", int(port))
box.user(user)
box.pass_(password)
for number in range(1, int(count) + 1):
    _, lines, octets = box.retr(number)
    size = int(box.list(number).split()[2])
    assert sum(len(line) + 2 for line in lines) == size, number
    with open(f"{directory}/{number}", "wb") as file:
        file.write(b"\\r\\n".join(lines))
box.quit()
`;
    await succeed("python3", ["-c", program, `${port}`, user, password, `${count}`, directory]);
    return await filesOf(directory);
  },
};

async function succeed(
  name: PeerName | "chown",
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { code, stdout, stderr } = await run(name === "chown" ? name : await peer(name), args, {
    environment: { PATH: "/usr/bin:/bin", HOME: "/nonexistent", ...environment },
    signal: AbortSignal.timeout(PROGRAM_MS),
  });
  if (code !== 0) throw new Error(`${name} ended with ${code}\n${stdout}${stderr}`);
}

async function makeMaildir(directory: string): Promise<string> {
  for (const folder of ["cur", "new", "tmp"]) {
    await Deno.mkdir(`${directory}/Maildir/${folder}`, { recursive: true });
  }
  return `${directory}/Maildir`;
}

async function filesOf(directory: string): Promise<Uint8Array[]> {
  const files: Uint8Array[] = [];
  for await (const { name, isFile } of Deno.readDir(directory)) {
    if (isFile) files.push(await Deno.readFile(`${directory}/${name}`));
  }
  return files;
}
