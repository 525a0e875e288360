/** The commands as programs see them: arguments, stdin, stdout, exit status. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { POSTERN } from "../tests/program.ts";
import { Gateway } from "../tests/gateway.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { makeSample, SAMPLE_NAMES } from "./selftest/samples.ts";

interface Ran {
  readonly code: number;
  readonly out: Uint8Array<ArrayBuffer>;
  readonly text: string;
  readonly errors: string;
}

/** Runs `bin/postern`. */
async function postern(
  args: readonly string[],
  options: { readonly stdin?: Uint8Array; readonly cwd?: string } = {},
): Promise<Ran> {
  const child = new Deno.Command(POSTERN, {
    args: [...args],
    env: { POSTERN_DENO: Deno.execPath(), NO_COLOR: "1" },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  // A command that does not read closes the pipe first.
  stdin.write(options.stdin ?? new Uint8Array()).then(() => stdin.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  return { code, out: stdout, text, errors: new TextDecoder().decode(stderr) };
}

const header = { from: "a@example.org", to: ["b@example.org"], token: "t1" };
const octets = (text: string) => new TextEncoder().encode(text);

/** A directory with each test mail in `NAME.eml`. */
async function samples() {
  const directory = await temporaryDirectory();
  for (const name of SAMPLE_NAMES) {
    await Deno.writeFile(join(directory.path, `${name}.eml`), makeSample(name, header));
  }
  return directory;
}

const wrong: { name: string; args: string[]; code: number; says: RegExp }[] = [
  { name: "no such command", args: ["scna"], code: 64, says: /Did you mean|Unexpected/ },
  { name: "no such option", args: ["status", "--jsno"], code: 64, says: /--json/ },
  {
    name: "scan with a wrong option",
    args: ["scan", "--fromat", "json"],
    code: 1,
    says: /--format/,
  },
  { name: "scan of nothing", args: ["scan", "--standalone"], code: 1, says: /nothing to scan/ },
  { name: "scan with a wrong size", args: ["scan", "--max-size", "5", "x"], code: 1, says: /50MB/ },
  {
    name: "scan of a list that is not there",
    args: ["scan", "--standalone", "--files-from", "/nonexistent/list"],
    code: 1,
    says: /Cannot read the list of files \/nonexistent\/list: No such file/,
  },
  { name: "pipe with a wrong option", args: ["pipe", "--foo"], code: 75, says: /--foo/ },
  { name: "pipe to nobody", args: ["pipe"], code: 75, says: /No recipient/ },
  {
    name: "no daemon",
    args: ["status", "--socket", "/nonexistent/socket"],
    code: 69,
    says: /Cannot reach a daemon at \/nonexistent\/socket/,
  },
  {
    name: "no configuration",
    args: ["daemon", "--config", "/nonexistent/config.ts"],
    code: 78,
    says: /no configuration document \/nonexistent\/config.ts/,
  },
];
for (const { name, args, code, says } of wrong) {
  Deno.test(`postern tells ${name} in words and by status ${code}`, async () => {
    const ran = await postern(args);
    assert.equal(ran.code, code, ran.errors);
    assert.match(ran.errors, says);
    assert.doesNotMatch(ran.errors, /\n {4}at /, "no stack is shown");
    assert.equal(ran.text, "");
  });
}

Deno.test("postern --version and help answer on stdout", async () => {
  assert.match((await postern(["--version"])).text, /^postern \d+\.\d+\.\d+\n$/);
  const help = await postern(["help"]);
  assert.equal(help.code, 0);
  for (const name of ["daemon", "scan", "quarantine", "selftest"]) {
    assert.match(help.text, new RegExp(`\\n  ${name} `));
  }
});

Deno.test("postern scan --standalone reports in the order given, whatever takes longest", async () => {
  await using directory = await samples();
  const names = ["encrypted", "clean", "eicar-zip", "gtube", "eicar"];
  const list = names.map((name) => join(directory.path, `${name}.eml`)).join("\0") + "\0";
  const args = ["scan", "--standalone", "--format", "json", "--files-from", "-", "-0"];
  const ran = await postern(args, { stdin: octets(list) });
  assert.equal(ran.code, 2, ran.errors);
  const results = ran.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(
    results.map(({ file, status }) => [file.replace(/.*\//, ""), status]),
    [
      ["encrypted.eml", "notScanned"],
      ["clean.eml", "clean"],
      ["eicar-zip.eml", "infected"],
      ["gtube.eml", "spam"],
      ["eicar.eml", "infected"],
    ],
  );
  assert.equal(results[0].notScanned, "encrypted");
  assert.equal(results[3].spam.score, 1000);
  assert.deepEqual(results[4].findings, [
    { name: "Eicar-Test-Signature", part: "2", engine: "builtin" },
  ]);
});

const scans: { name: string; args: string[]; code: number; out: RegExp }[] = [
  { name: "a clean file", args: ["clean.eml"], code: 0, out: /^clean\.eml: clean\n$/ },
  { name: "an encrypted archive", args: ["encrypted.eml"], code: 4, out: /not scanned: encrypted/ },
  {
    name: "spam and an encrypted archive",
    args: ["encrypted.eml", "gtube.eml"],
    code: 3,
    out: /1000 points/,
  },
  {
    name: "all with a directory",
    args: ["."],
    code: 2,
    out: /5 files in .*: 2 infected, 1 spam, 1 not scanned, 1 clean/,
  },
  {
    name: "a file that is not there",
    args: ["none", "clean.eml"],
    code: 4,
    out: /none: not scanned: unreadable\n.*clean\n/,
  },
  {
    name: "a file over the limit",
    args: ["--max-size", "100B", "clean.eml"],
    code: 4,
    out: /not scanned: size/,
  },
  { name: "spam that is not asked for", args: ["--no-spam", "gtube.eml"], code: 0, out: /clean/ },
  { name: "esets, spam left out", args: ["--format", "esets", "gtube.eml"], code: 0, out: /^$/ },
  {
    name: "esets, a directory of parts as amavis gives it",
    args: ["--format", "esets", "--subdir", "."],
    code: 2,
    out: /scan: action="retained"\nscan: virus="Eicar-Test-Signature"\n/,
  },
];
for (const { name, args, code, out } of scans) {
  Deno.test(`postern scan of ${name} ends with ${code}`, async () => {
    await using directory = await samples();
    const ran = await postern(["scan", "--standalone", ...args], { cwd: directory.path });
    assert.equal(ran.code, code, ran.errors);
    assert.match(ran.text, out);
  });
}

Deno.test("postern scan reads stdin", async () => {
  const ran = await postern(["scan", "--standalone", "-"], { stdin: makeSample("eicar", header) });
  assert.equal(ran.code, 2);
  assert.match(ran.text, /^-: infected: Eicar-Test-Signature in 2\n$/);
});

Deno.test("postern pipe --standalone keeps every octet of what passes, and says the rest by status", async () => {
  await using directory = await temporaryDirectory();
  const policy = join(directory.path, "policy.ts");
  const settings = {
    antivirus: { infected: "reject", notScanned: "defer" },
    antispam: { spam: "discard" },
    marks: { header: "never" },
    quarantine: "never",
  };
  await Deno.writeTextFile(policy, `export default ${JSON.stringify({ settings })};\n`);
  const base = ["pipe", "--standalone", "--policy", policy, "-f", "<a@example.org>"];
  for (const lineEnd of ["\n", "\r\n"]) {
    const mail = octets(["Subject: x", "", "hällo", ".", "From me", ""].join(lineEnd));
    const ran = await postern([...base, "b@example.org"], { stdin: mail });
    assert.equal(ran.code, 0, ran.errors);
    assert.deepEqual(ran.out, mail);
  }
  const ends: [(typeof SAMPLE_NAMES)[number], string[], number][] = [
    ["eicar", [], 77],
    ["eicar", ["--exit-reject", "5"], 5],
    ["encrypted", [], 75],
    ["gtube", [], 99],
    ["gtube", ["--exit-discard", "0"], 0],
  ];
  for (const [name, more, code] of ends) {
    const ran = await postern([...base, ...more, "b@example.org"], {
      stdin: makeSample(name, header),
    });
    assert.equal(ran.code, code, ran.errors);
    assert.equal(ran.text, "");
  }
  const large = await postern([...base, "--max-size", "10B", "b@example.org"], {
    stdin: octets("Subject: x\n\nlarger\n"),
  });
  assert.equal(large.code, 75);
});

Deno.test("commands look after a running daemon, its quarantine and its store", async () => {
  await using gateway = await Gateway.start({
    agents: { filter: { nextHop: "maildir:./Maildir" } },
    policy: { settings: { antispam: { spam: "quarantine" } } },
  });
  const socket = ["--socket", join(gateway.directory, "state/control.sock")];
  const send = await postern([
    "send",
    "gtube",
    "-q",
    "--to",
    "b@example.org",
    "--server",
    `127.0.0.1:${gateway.port("filter")}`,
  ]);
  assert.equal(send.code, 0, send.errors);

  const status = await postern(["status", ...socket]);
  assert.equal(status.code, 0, status.text);
  assert.match(
    status.text,
    new RegExp(`filter +smtp +running +127.0.0.1:${gateway.port("filter")} `),
  );

  const listed = await postern(["quarantine", "list", "--json", "--status", "spam", ...socket]);
  const [entry] = JSON.parse(listed.text);
  assert.deepEqual(entry.recipients, ["b@example.org"]);
  assert.match((await postern(["quarantine", "list", ...socket])).text, new RegExp(entry.id));
  assert.match((await postern(["quarantine", "show", entry.id, ...socket])).text, /status +spam/);

  const path = join(gateway.directory, "exported");
  const args = ["quarantine", "export", entry.id, "-o", path, ...socket];
  assert.equal((await postern(args)).code, 0);
  const info = await Deno.stat(path);
  assert.equal((info.mode ?? 0) & 0o777, 0o600);
  assert.match(await Deno.readTextFile(path), /GTUBE/);
  assert.equal((await postern(args)).code, 64, "an export replaces nothing");

  const released = await postern(["quarantine", "release", entry.id, ...socket]);
  assert.equal(released.code, 0, released.errors);
  assert.match(released.text, /released to <b@example.org>/);
  const again = await postern(["quarantine", "release", entry.id, ...socket]);
  assert.notEqual(again.code, 0);
  assert.match(again.errors, /was released to already/);

  const backup = join(gateway.directory, "state", "backup");
  assert.equal((await postern(["store", "backup", backup, ...socket])).code, 0);
  assert.match((await postern(["store", "check", ...socket])).text, /The store is whole/);
  assert.equal((await postern(["quarantine", "delete", entry.id, ...socket])).code, 0);
  assert.equal((await postern(["quarantine", "delete", entry.id, ...socket])).code, 1);

  const sample = makeSample("eicar", header);
  assert.equal((await postern(["scan", "-", ...socket], { stdin: sample })).code, 2);
  assert.equal((await postern(["pipe", "b@example.org", ...socket], { stdin: sample })).code, 77);
  assert.equal((await postern(["reload", ...socket])).code, 0);
  assert.equal((await postern(["stop", ...socket])).code, 0);

  // Without a daemon the commands work on the store itself.
  const config = ["--config", gateway.config];
  const offline = await postern(["quarantine", "list", "--json", ...config]);
  assert.equal(offline.code, 0, offline.errors);
  await Deno.rename(
    join(gateway.directory, "state/store.kv"),
    join(gateway.directory, "state/old.kv"),
  );
  const restored = await postern(["store", "restore", backup, ...config]);
  assert.equal(restored.code, 0, restored.errors);
  const back = await postern(["quarantine", "list", "--json", ...config]);
  assert.equal(JSON.parse(back.text)[0].id, entry.id);
  assert.equal((await postern(["store", "compact", ...config])).code, 0);
});
