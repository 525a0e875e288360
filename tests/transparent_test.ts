/**
 * Redirected connections, with real network namespaces and a real firewall: a client's network, the gateway's with REDIRECT, and the
 * servers' (this test's own). Nothing of the machine's own network is touched.
 */
import assert from "node:assert/strict";
import { infectedMail, mail } from "./mail.ts";
import { PASSWORD, startMailboxServer } from "./peers/dovecot_mailboxes.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { Process, run } from "./peers/process.ts";
import { startSmtpSink } from "./peers/smtp_sink.ts";
import { POSTERN } from "./program.ts";
import { temporaryDirectory } from "./temporary.ts";
import { until } from "./wait.ts";

/** Set in the process that runs in a network namespace of its own. */
const INSIDE = "POSTERN_TEST_NETWORK";

const CLIENT = "10.66.1.2";
const GATEWAY = "10.66.1.1";
const SERVER = "10.66.2.2";
/** Another server of the same network, which the configuration does not name. */
const OTHER = "10.66.2.3";
/** The same by IPv6. */
const SIX = {
  client: "fd66:1::2",
  gateway: "fd66:1::1",
  server: "fd66:2::2",
  other: "fd66:2::102",
  named: "fd66:2::/120",
} as const;

async function must(command: string, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** A network namespace that lives as long as a process of its own. */
async function namespace(): Promise<Process> {
  const process = new Process("namespace", "unshare", ["--net", "sleep", "600"]);
  const own = await Deno.readLink("/proc/self/ns/net");
  await until("a namespace", async () => {
    const link = await Deno.readLink(`/proc/${process.pid}/ns/net`).catch(() => own);
    return link !== own;
  });
  return process;
}

const inside = (where: Process, ...command: string[]) =>
  ["nsenter", "-t", String(where.pid), "-n", ...command] as const;

async function at(where: Process, ...command: string[]): Promise<string> {
  const [program, ...args] = inside(where, ...command);
  return await must(program, args);
}

/** Rules for what comes in, before it is routed. */
async function firewall(
  [program, ...args]: readonly [string, ...string[]],
  rules: readonly string[],
  family: "ip" | "ip6" = "ip",
): Promise<void> {
  const chain = ["type nat hook prerouting priority -100;", ...rules].join("\n");
  await must(program, args, `table ${family} t {\nchain pre {\n${chain}\n}\n}\n`);
}

/** client -- gateway -- this process. */
async function wire(client: Process, gateway: Process): Promise<void> {
  await must("ip", ["link", "set", "lo", "up"]);
  for (const where of [client, gateway]) await at(where, "ip", "link", "set", "lo", "up");
  await at(
    gateway,
    "ip",
    "link",
    "add",
    "inside",
    "type",
    "veth",
    "peer",
    "name",
    "eth",
    "netns",
    String(client.pid),
  );
  await must("ip", [
    "link",
    "add",
    "eth",
    "type",
    "veth",
    "peer",
    "name",
    "outside",
    "netns",
    String(gateway.pid),
  ]);
  const address = async (where: Process | undefined, device: string, net: string) => {
    // An address of IPv6 is otherwise asked about on the wire before it may be used.
    const once = net.includes(":") ? ["nodad"] : [];
    const commands = [["addr", "add", net, "dev", device, ...once], ["link", "set", device, "up"]];
    for (const args of commands) {
      if (where) await at(where, "ip", ...args);
      else await must("ip", args);
    }
  };
  await address(client, "eth", `${CLIENT}/24`);
  await address(gateway, "inside", `${GATEWAY}/24`);
  await address(gateway, "outside", "10.66.2.1/24");
  await address(undefined, "eth", `${SERVER}/24`);
  await address(undefined, "eth", `${OTHER}/24`);
  await address(client, "eth", `${SIX.client}/64`);
  await address(gateway, "inside", `${SIX.gateway}/64`);
  await address(gateway, "outside", "fd66:2::1/64");
  await address(undefined, "eth", `${SIX.server}/64`);
  await address(undefined, "eth", `${SIX.other}/64`);
  await at(client, "ip", "-6", "route", "add", "default", "via", SIX.gateway);
  await must("ip", ["-6", "route", "add", "default", "via", "fd66:2::1"]);
  await at(gateway, "sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1");
  await firewall(
    inside(gateway, "nft", "-f", "-"),
    ["iifname inside tcp dport 25 redirect to :2525"],
    "ip6",
  );
  await at(client, "ip", "route", "add", "default", "via", GATEWAY);
  await must("ip", ["route", "add", "default", "via", "10.66.2.1"]);
  await at(gateway, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
  await firewall(inside(gateway, "nft", "-f", "-"), [
    "iifname inside tcp dport 25 redirect to :2525",
    "iifname inside tcp dport 110 redirect to :2110",
    "iifname inside tcp dport 143 redirect to :2143",
  ]);
}

/** What listens on the loopback of this process is reached at the server's ports. */
async function serve(ports: { smtp: number; pop3: number; imap: number }): Promise<void> {
  await must("sysctl", ["-q", "-w", "net.ipv4.conf.all.route_localnet=1"]);
  await must("sysctl", ["-q", "-w", "net.ipv4.conf.eth.route_localnet=1"]);
  await firewall(["nft", "-f", "-"], [
    `tcp dport 25 dnat to 127.0.0.1:${ports.smtp}`,
    `tcp dport 110 dnat to 127.0.0.1:${ports.pop3}`,
    `tcp dport 143 dnat to 127.0.0.1:${ports.imap}`,
  ]);
}

/** By IPv6 nothing is led to a loopback address: what comes to the servers' port 25 is carried to `port`. */
function serveSix(port: number): Disposable {
  const listener = Deno.listen({ hostname: "::", port: 25 });
  (async () => {
    for await (const near of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      const ended = [near.readable.pipeTo(far.writable), far.readable.pipeTo(near.writable)];
      Promise.allSettled(ended);
    }
  })();
  return listener;
}

async function startGateway(directory: string, gateway: Process): Promise<Process> {
  const transparent = { to: [SERVER] };
  const config = {
    state: "./state",
    policy: "./policy.ts",
    hostname: "gateway.test",
    agents: [
      {
        agent: "smtp",
        listen: "[::]:2525",
        nextHop: "maildir:./state/released",
        transparent: { to: [SERVER, SIX.named] },
      },
      { agent: "pop3", listen: "0.0.0.0:2110", transparent },
      { agent: "imap", listen: "0.0.0.0:2143", transparent },
    ],
  };
  const policy = { settings: { antivirus: { infected: "reject" } } };
  await Deno.writeTextFile(
    `${directory}/postern.config.ts`,
    `export default ${JSON.stringify(config)};`,
  );
  await Deno.writeTextFile(`${directory}/policy.ts`, `export default ${JSON.stringify(policy)};`);
  const [program, ...args] = inside(
    gateway,
    POSTERN,
    "daemon",
    "--config",
    `${directory}/postern.config.ts`,
  );
  const process = new Process("postern", program, args, { env: { POSTERN_DENO: Deno.execPath() } });
  await process.ready("Ready", () => Promise.resolve(/msg=Ready/.test(process.output)));
  return process;
}

async function proof(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const client = stack.use(await namespace());
  const gateway = stack.use(await namespace());
  await wire(client, gateway);
  const sink = stack.use(await startSmtpSink());
  await Deno.mkdir(`${directory}/dovecot`);
  const mailboxes = stack.use(
    await startMailboxServer(`${directory}/dovecot`, { users: ["u"], protocols: ["imap", "pop3"] }),
  );
  using _six = serveSix(sink.port);
  await serve({ smtp: sink.port, pop3: mailboxes.ports.pop3, imap: mailboxes.ports.imap });
  await mailboxes.fill("u", [mail("clean"), infectedMail("infected")]);
  const postern = stack.use(await startGateway(directory, gateway));

  const swaks = await peer("swaks");
  const send = async (server: string, port: number, body: string) => {
    const [program, ...args] = inside(client, swaks, "--server", server, "--port", String(port));
    const file = `${directory}/mail-${crypto.randomUUID()}`;
    await Deno.writeTextFile(file, body);
    return await run(program, [
      ...args,
      "--from",
      "a@s.test",
      "--to",
      "b@far.test",
      "--data",
      `@${file}`,
    ]);
  };
  const text = (octets: Uint8Array) => new TextDecoder().decode(octets).replaceAll("\r\n", "\n");

  // To where it was going, and seen as who it is.
  const taken = await send(SERVER, 25, text(mail("taken")));
  assert.equal(taken.code, 0, taken.stdout + taken.stderr + postern.output);
  const infected = await send(SERVER, 25, text(infectedMail("refused")));
  assert.notEqual(infected.code, 0);
  assert.match(infected.stdout, /<\*\* 55\d 5\.7\.1 /);
  await until(
    "the log",
    () => new RegExp(`msg=mail .*client=${CLIENT} .*action=accept`).test(postern.output),
  );
  // Nowhere else: not by the listener itself, not to servers that are not named.
  for (const [server, port] of [[GATEWAY, 2525], [OTHER, 25]] as const) {
    const refused = await send(server, port, text(mail("outsider")));
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout, /554 5\.7\.1 .*Only for redirected connections/);
  }
  for (
    const said of [/was not redirected: it connected to us/, /was on its way to 10\.66\.2\.3:25/]
  ) {
    await until(`the log says ${said}`, () => said.test(postern.output));
  }

  const curl = await peer("curl");
  const sendSix = async (server: string, port: number, body: Uint8Array) => {
    const file = `${directory}/mail-${crypto.randomUUID()}`;
    await Deno.writeFile(file, body);
    const url = `smtp://[${server}]:${port}/client.test`;
    const [program, ...args] = inside(client, curl, "-sSv", "--max-time", "20", "-T", file, url);
    return await run(program, [...args, "--mail-from", "a@s.test", "--mail-rcpt", "b@far.test"]);
  };
  const takenSix = await sendSix(SIX.server, 25, mail("six"));
  assert.equal(takenSix.code, 0, takenSix.stderr + postern.output);
  await until(
    "the log",
    () => new RegExp(`msg=mail .*client="?${SIX.client}"? .*action=accept`).test(postern.output),
  );
  assert.match((await sendSix(SIX.server, 25, infectedMail("six"))).stderr, /^< 55\d 5\.7\.1 /m);
  for (const [server, port] of [[SIX.gateway, 2525], [SIX.other, 25]] as const) {
    const refused = await sendSix(server, port, mail("outsider"));
    assert.match(refused.stderr, /^< 554 5\.7\.1 .*Only for redirected connections/m);
  }

  const fetch = async (url: string) => {
    const [program, ...args] = inside(
      client,
      curl,
      "-sS",
      "--max-time",
      "20",
      "-u",
      `u:${PASSWORD}`,
      url,
    );
    return await run(program, args);
  };
  for (const scheme of ["pop3", "imap"] as const) {
    const one = (index: number) =>
      scheme === "pop3" ? `pop3://${SERVER}/${index}` : `imap://${SERVER}/INBOX;MAILINDEX=${index}`;
    const clean = await fetch(one(1));
    assert.equal(clean.code, 0, `${scheme}: ${clean.stderr}${postern.output}`);
    assert.match(clean.stdout, /Subject: test clean/);
    const bad = await fetch(one(2));
    assert.doesNotMatch(bad.stdout, /WDVPIVAlQEFQWzRcUFpYNTQoUF4p/, scheme);
    const direct = await fetch(`${scheme}://${GATEWAY}:${scheme === "pop3" ? 2110 : 2143}/`);
    assert.notEqual(direct.code, 0, scheme);
  }
}

peerTest(
  ["smtp-sink", "swaks", "dovecot", "curl", "nft", "ip", "nsenter"],
  "redirected clients reach the server that they were going to, scanned, and outsiders reach nothing",
  async () => {
    if (Deno.env.has(INSIDE)) return await proof();
    // This test once more, in a network of its own.
    const { code, stdout, stderr } = await run("unshare", [
      "--net",
      "env",
      `${INSIDE}=1`,
      Deno.execPath(),
      "test",
      "-A",
      "--no-check",
      new URL(import.meta.url).pathname,
    ]);
    assert.equal(code, 0, stdout + stderr);
  },
);
