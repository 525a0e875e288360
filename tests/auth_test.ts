/** AUTH through Postern to a real Exim, with swaks: who proves himself may relay, by his own connection, and nobody else may. */
import assert from "node:assert/strict";
import { Gateway } from "./gateway.ts";
import { startExim } from "./peers/exim.ts";
import { peerTest } from "./peers/peer.ts";
import { swaks } from "./peers/swaks.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

peerTest(
  ["exim4", "swaks"],
  "a login at Exim is passed on by each mechanism, and is the client's alone",
  async () => {
    await using directory = await temporaryDirectory();
    const port = freePort();
    const secret = "${if and {{eq{$auth2}{joe}}{eq{$auth3}{secret}}}}";
    await using exim = await startExim({
      directory: directory.path,
      port,
      main: ["acl_smtp_mail = must_login", "auth_advertise_hosts = *", "deliver_drop_privilege"],
      acl: ["must_login:", "  deny !authenticated = *", "    message = Log in first", "  accept"],
      routers: ["all:", "  driver = accept", "  transport = box"],
      transports: ["box:", "  driver = appendfile", `  file = ${directory.path}/exim/box`],
      authenticators: [
        "plain:",
        "  driver = plaintext",
        "  public_name = PLAIN",
        `  server_condition = ${secret}`,
        "  server_set_id = $auth2",
        "login:",
        "  driver = plaintext",
        "  public_name = LOGIN",
        "  server_prompts = Username:: : Password::",
        `  server_condition = ${
          secret.replaceAll("auth3", "auth2x").replaceAll("{$auth2}", "{$auth1}").replaceAll(
            "auth2x",
            "auth2",
          )
        }`,
        "  server_set_id = $auth1",
        "cram:",
        "  driver = cram_md5",
        "  public_name = CRAM-MD5",
        "  server_secret = ${if eq{$auth1}{joe}{secret}fail}",
        "  server_set_id = $auth1",
      ],
    });
    await using gateway = await Gateway.start({
      agents: { smtp: { nextHop: `smtp://127.0.0.1:${port}`, auth: "always", nextHopTls: "none" } },
    });
    const send = (...args: string[]) =>
      swaks(gateway.port("smtp"), ["--from", "a@s.test", "--to", "b@here.test", ...args]);
    for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5"]) {
      const login = ["--auth", mechanism, "--auth-user", "joe", "--auth-password"];
      const right = await send(...login, "secret");
      assert.equal(
        right.code,
        0,
        `${mechanism}: ${right.transcript}${await exim.log()}`,
      );
      const wrong = await send(...login, "wrong");
      assert.notEqual(wrong.code, 0);
      assert.match(wrong.transcript, /<\*\* 535 /);
      assert.notEqual((await send()).code, 0, "nobody else relays by that login");
    }
    await until("three messages", async () => /(?:A=\w+:joe[^]*){3}/.test(await exim.log()));
    await gateway.logged(/msg=mail .*user=joe .*action=accept/);
  },
);
