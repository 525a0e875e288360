/** Greylisting with a real Postfix in front, at each gate that it asks about recipients: the first try waits, the second comes in. */
import assert from "node:assert/strict";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { mail } from "./mail.ts";
import { peerTest } from "./peers/peer.ts";
import {
  type Postfix,
  POSTFIX_DOMAIN,
  smtpdService,
  startPostfix,
  twoPorts,
} from "./peers/postfix.ts";
import { type Reply, SmtpClient } from "./peers/smtp_client.ts";
import { stuffDots } from "./peers/wire.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

const at = (name: string) => `${name}@${POSTFIX_DOMAIN}`;
/** Neither is Postfix's own address: it is told by XCLIENT, and tells Postern. */
const CLIENT = "203.0.113.7";
const NEIGHBOUR = "203.0.113.99";
const STRANGER = "198.51.100.7";

/** Most wait for a second; who is slow, for longer than any test runs. */
const POLICY = {
  settings: {
    antispam: { action: "accept" },
    greylist: { action: "delay", delay: "1s", proven: 0 },
  },
  rules: [
    { name: "slow", when: { recipient: at("slow") }, then: { greylist: { delay: "12h" } } },
    {
      name: "trusting",
      when: { recipient: at("trusting") },
      then: { greylist: { delay: "12h", proven: 2 } },
    },
    {
      name: "never",
      when: { recipient: at("abuse") },
      then: { greylist: { action: "pass" } },
    },
  ],
} as const;

const MAIN = [
  "smtpd_authorized_xclient_hosts = 127.0.0.0/8",
  "smtpd_relay_restrictions = reject_unauth_destination",
];

/** A Postfix that asks Postern about recipients. */
interface Asking extends AsyncDisposable {
  readonly port: number;
  readonly gateway: Gateway;
  readonly postfix: Postfix;
}

async function start(
  agents: (back: number) => GatewayOptions["agents"],
  postfixOf: (gateway: Gateway, back: number) => { main?: string[]; front?: string[] },
): Promise<Asking> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = stack.use(await temporaryDirectory());
    const { front, back } = twoPorts();
    const gateway = stack.use(await Gateway.start({ agents: agents(back), policy: POLICY }));
    const { main = [], front: settings = [] } = postfixOf(gateway, back);
    const backSettings = [
      "smtpd_proxy_filter=",
      "smtpd_milters=",
      "smtpd_recipient_restrictions=",
      "smtpd_authorized_xforward_hosts=127.0.0.0/8",
      "smtpd_authorized_xclient_hosts=",
    ];
    const postfix = stack.use(
      await startPostfix({
        directory: directory.path,
        main: [...MAIN, ...main],
        services: [smtpdService(front, settings), smtpdService(back, backSettings)],
      }, [front, back]),
    );
    const owned = stack.move();
    return { port: front, gateway, postfix, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

const GATES: Readonly<Record<string, () => Promise<Asking>>> = {
  check_policy_service: () =>
    start(
      () => ({ delegation: { agent: "delegation" } }),
      (gateway) => ({
        main: [
          `smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:${
            gateway.port("delegation")
          }, check_recipient_access inline:{ ${at("gone")}=REJECT }`,
        ],
      }),
    ),
  smtpd_proxy_filter: () =>
    start(
      (back) => ({
        smtp: {
          mode: "before-queue",
          nextHop: `smtp://127.0.0.1:${back}`,
          xforward: ["127.0.0.0/8"],
        },
      }),
      (gateway) => ({ front: [`smtpd_proxy_filter=127.0.0.1:${gateway.port("smtp")}`] }),
    ),
  smtpd_milters: () =>
    start(
      () => ({ milter: { agent: "milter" } }),
      (gateway) => ({ front: [`smtpd_milters=inet:127.0.0.1:${gateway.port("milter")}`] }),
    ),
};

/** One message from a client; the replies to each RCPT, and to the data where one was let in. */
async function send(
  port: number,
  client: string,
  recipients: readonly string[],
  sender = "a@sender.test",
): Promise<{ readonly rcpt: readonly Reply[]; readonly end?: Reply }> {
  using session = await SmtpClient.connect(port);
  await session.ehlo();
  const known = await session.command(`XCLIENT ADDR=${client} NAME=client.sender.test`);
  assert.equal(known.code, 220, known.text);
  await session.ehlo();
  assert.equal((await session.command(`MAIL FROM:<${sender}>`)).code, 250);
  const rcpt: Reply[] = [];
  for (const recipient of recipients) rcpt.push(await session.command(`RCPT TO:<${recipient}>`));
  if (!rcpt.some(({ code }) => code === 250)) return { rcpt };
  assert.equal((await session.command("DATA")).code, 354);
  await session.wire.write(stuffDots(mail("greylist@test")));
  return { rcpt, end: await session.command(".") };
}

/** Tries again, as a mail server does, until it is let in. */
function letIn(all: Asking, client: string, recipient: string, sender?: string): Promise<unknown> {
  return until(`${recipient} is let in`, async () => {
    const { rcpt: [reply], end } = await send(all.port, client, [recipient], sender);
    if (reply?.code === 250) assert.equal(end?.code, 250, end?.text);
    else assert.match(reply?.text ?? "", /^45[01] 4\.7\.1 .*Greylisted, try again in 1 seconds/);
    return reply?.code === 250;
  }, { more: () => all.gateway.log });
}

for (const [gate, open] of Object.entries(GATES)) {
  peerTest(
    ["postfix"],
    `${gate}: Postfix defers a first try, and takes the second after the delay`,
    async () => {
      await using all = await open();
      const { port, gateway, postfix } = all;
      const first = await send(port, CLIENT, [at("b"), at("abuse"), at("slow")]);
      assert.deepEqual(first.rcpt.map(({ code }) => code >= 450 && code <= 451), [
        true,
        false,
        true,
      ]);
      assert.match(first.rcpt[0]!.text, /4\.7\.1 .*Greylisted, try again in 1 seconds/);
      assert.equal(first.rcpt[1]!.code, 250);
      assert.match(first.rcpt[2]!.text, /4\.7\.1 .*Greylisted, try again in 43200 seconds/);
      assert.equal(first.end?.code, 250, first.end?.text);
      await until("the mail to abuse", async () => (await postfix.delivered()).length === 1);
      await letIn(all, NEIGHBOUR, at("B"), "prvs=0123abcdef=A@sender.test"); // who it is does not hang on how it is written
      await until("the second mail", async () => (await postfix.delivered()).length === 2);
      assert.equal((await send(port, CLIENT, [at("b")])).rcpt[0]!.code, 250);
      await gateway.logged(/to=b@here\.test action=defer by=greylist/);

      // Another network, a bounce, and a client that has come again often enough.
      assert.match((await send(port, STRANGER, [at("b")])).rcpt[0]!.text, /Greylisted/);
      assert.equal((await send(port, STRANGER, [at("b")], "")).rcpt[0]!.code, 250);
      assert.match((await send(port, CLIENT, [at("trusting")])).rcpt[0]!.text, /Greylisted/);
      await letIn(all, CLIENT, at("c"));
      assert.equal((await send(port, CLIENT, [at("trusting")])).rcpt[0]!.code, 250);
      assert.match((await send(port, CLIENT, [at("slow")])).rcpt[0]!.text, /Greylisted/);
    },
  );
}

peerTest(
  ["postfix"],
  "check_policy_service: what Postfix refuses for good is not deferred, and a restart forgets nobody",
  async () => {
    await using all = await GATES["check_policy_service"]!();
    const { port, gateway } = all;
    const gone = await send(port, CLIENT, [at("gone")]);
    assert.match(gone.rcpt[0]!.text, /^554 5\.7\.1 /);
    await send(port, CLIENT, [at("b")]);
    await letIn(all, CLIENT, at("b"));
    assert.equal(await gateway.stop(), 0);
    await gateway.run();
    assert.equal((await send(port, CLIENT, [at("b")])).rcpt[0]!.code, 250);

    const control = await gateway.control();
    try {
      const status = (await control.call("status", {})).result as {
        store: Record<string, number>;
        counters: Record<string, number>;
      };
      assert.equal(status.store["greylistKnown"], 1);
      assert.equal(status.store["greylistClients"], 1);
      assert.equal(status.counters["greylist.known"], 1);
      const cleared = await control.call("greylist.clear", { recipient: at("b") });
      assert.equal(cleared.result, 1);
    } finally {
      control.close();
    }
    assert.match((await send(port, CLIENT, [at("b")])).rcpt[0]!.text, /^450 4\.7\.1 .*Greylisted/);
  },
);

Deno.test("after the queue: the client that XFORWARD names is the one that is known", async () => {
  const port = freePort();
  await using gateway = await Gateway.start({
    agents: { smtp: { nextHop: `smtp://127.0.0.1:${port}`, xforward: ["127.0.0.0/8"] } },
    policy: POLICY,
  });
  using session = await SmtpClient.connect(gateway.port("smtp"));
  await session.ehlo();
  const rcpt = async (address: string) => {
    await session.command(`XFORWARD ADDR=${address}`);
    await session.command("MAIL FROM:<a@sender.test>");
    const reply = await session.command(`RCPT TO:<${at("slow")}>`);
    await session.command("RSET");
    return reply.text;
  };
  assert.match(await rcpt(CLIENT), /^451 4\.7\.1 Greylisted, try again in 43200 seconds$/);
  assert.match(await rcpt("2001:db8::7"), /^451 4\.7\.1 Greylisted, try again in 43200 seconds$/);
  const control = await gateway.control();
  try {
    const { result } = await control.call("greylist.list", {});
    const networks = (result as { network: string }[]).map(({ network }) => network);
    assert.deepEqual(networks.sort(), ["2001:db8::/64", "203.0.113.0/24"]);
  } finally {
    control.close();
  }
});
