/** Haraka's own plugins with Postern as their scanner: `clamd` over the connection, `esets` by the command line. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { makeSample } from "../commands/selftest/samples.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { EICAR, ENVELOPE, infectedMail, mail, zippedMail } from "./mail.ts";
import { type Haraka, type HarakaOptions, startHaraka } from "./peers/haraka.ts";
import { peerTest } from "./peers/peer.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";
import { sendMail } from "./peers/smtp_client.ts";
import { POSTERN } from "./program.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

const POLICY = { settings: { antivirus: { infected: "reject", notScanned: "defer" } } };

const zipped = (id: string) => zippedMail(id, Buffer.from(EICAR), 2);
const locked = (token: string) =>
  makeSample("encrypted", { from: ENVELOPE.sender, to: ENVELOPE.recipients, token });

/** Postern, a next hop, and a Haraka between that one and who sends. */
interface Scene extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly sink: ScriptedSink;
  readonly haraka: Haraka;
  /** Sends one message to Haraka: the reply, all of it on one line. */
  send(message: Uint8Array): Promise<string>;
}

type Asking = Pick<HarakaOptions, "plugin" | "ini" | "esetsCli">;

async function scene(
  options: (directory: string) => GatewayOptions,
  asking: (directory: string, gateway: Gateway) => Promise<Asking>,
): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const gateway = stack.use(await Gateway.start(options(directory)));
  const sink = stack.use(ScriptedSink.start());
  await Deno.mkdir(`${directory}/haraka`);
  const port = freePort();
  const haraka = stack.use(
    await startHaraka({
      directory: `${directory}/haraka`,
      port,
      nextHop: sink.port,
      ...await asking(directory, gateway),
    }),
  );
  const owned = stack.move();
  return {
    gateway,
    sink,
    haraka,
    async send(message) {
      const { code, text } = await sendMail(port, { ...ENVELOPE, message });
      return `${code} ${text}`;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Whether the next hop has the message, with its own octets; Haraka puts a Received field before them. */
async function arrived({ sink, haraka, gateway }: Scene, message: Uint8Array): Promise<boolean> {
  const octets = Buffer.from(message);
  return await until(
    "the message behind Haraka",
    () => sink.messages.some((each) => Buffer.from(each.octets).includes(octets)),
    { more: () => `${haraka.log()}\n${gateway.log}` },
  );
}

peerTest(
  ["haraka"],
  "Haraka's clamd plugin asks Postern: clean mail passes, EICAR is refused by its name",
  async () => {
    await using at = await scene(
      () => ({ agents: { tcp: { agent: "clamd" } }, policy: POLICY }),
      (_, gateway) =>
        Promise.resolve({
          plugin: "clamd",
          ini: `clamd_socket=127.0.0.1:${gateway.port("tcp")}\nmax_size=100000000\n`,
        }),
    );
    const clean = mail("haraka-clean@test", { body: ".\r\n..dots\r\n" });
    assert.match(await at.send(clean), /^250 /, at.haraka.log());
    assert.ok(await arrived(at, clean));
    for (const message of [infectedMail("haraka-bad@test"), zipped("haraka-zip@test")]) {
      assert.match(await at.send(message), /^550 .*infected with Eicar-Test-Signature/);
    }
    // What could not be scanned is an error to Haraka, which lets the client come again.
    assert.match(await at.send(locked("haraka")), /^450 .*Error running virus scanner/);
    assert.equal(at.sink.messages.length, 1);
    await at.gateway.stop();
    assert.match(await at.send(clean), /^450 .*virus scanner/);
    assert.equal(at.sink.messages.length, 1);
  },
);

peerTest(
  ["haraka", "unshare"],
  "Haraka's esets plugin calls Postern in place of esets_cli",
  async () => {
    const socket = (directory: string) => `${directory}/run/tools.sock`;
    await using at = await scene(
      (directory) => ({
        agents: {},
        policy: POLICY,
        config: { tools: { socket: `unix:${socket(directory)}` } },
      }),
      async (directory) => {
        const program = `${directory}/esets_cli`;
        await Deno.writeTextFile(
          program,
          `#!/bin/sh\nPOSTERN_DENO=${Deno.execPath()} POSTERN_SOCKET=${
            socket(directory)
          } exec ${POSTERN} esets-cli "$@"\n`,
          { mode: 0o755 },
        );
        return {
          plugin: "esets",
          ini: `[main]\ntmpdir=${directory}/haraka\n`,
          esetsCli: program,
        };
      },
    );
    const clean = mail("esets-clean@test", { body: ".\r\n..dots\r\n" });
    assert.match(await at.send(clean), /^250 /, at.haraka.log());
    assert.ok(await arrived(at, clean));
    for (const message of [infectedMail("esets-bad@test"), zipped("esets-zip@test")]) {
      assert.match(await at.send(message), /^550 .*infected with Eicar-Test-Signature/);
    }
    assert.match(await at.send(locked("esets")), /^450 .*Virus scanner error/);
    assert.equal(at.sink.messages.length, 1);
  },
);
