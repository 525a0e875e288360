/** What is said of sockets that were not passed as a configuration wants them. The rest: tests/passed_sockets_test.ts. */
import assert from "node:assert/strict";
import { configSchema } from "../policy/config.ts";
import { libc } from "./libc.ts";
import { type PassedEnvironment, PassedSockets } from "./passed_sockets.ts";

const PID = 4711;

function refusal(environment: PassedEnvironment, listen: string): string {
  const sockets = PassedSockets.take(environment, PID);
  try {
    sockets.check([{ name: "mail", listen }]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

Deno.test("a socket that was not passed is refused with the reason", {
  ignore: libc() === undefined,
}, () => {
  const passed = { LISTEN_PID: "4711", LISTEN_FDS: "3", LISTEN_FDNAMES: "in:two:two" };
  const rows: [PassedEnvironment, string, RegExp][] = [
    [{}, "fd:in", /^Agent "mail" cannot listen on fd:in: no socket was passed .*not set/],
    [{ ...passed, LISTEN_PID: "1" }, "fd:in", /LISTEN_PID says process 1, and the daemon is 4711/],
    [{ ...passed, LISTEN_FDS: "-1" }, "fd:3", /no socket was passed .*LISTEN_FDS is "-1"/],
    [{ ...passed, LISTEN_FDS: "x" }, "fd:3", /no socket was passed .*LISTEN_FDS is "x"/],
    [passed, "fd:out", /none of that name; these were passed: fd:in, fd:two, fd:two/],
    [passed, "fd:two", /several have that name.*fd:3 to fd:5/],
    [passed, "fd:6", /descriptors 3 to 5 were passed/],
    // What this test has there is no such socket.
    [{ ...passed, LISTEN_FDNAMES: "in" }, "fd:3", /no stream socket that listens.*ListenStream=/],
  ];
  for (const [environment, listen, reason] of rows) {
    assert.match(refusal(environment, listen), reason);
  }
  assert.equal(refusal({}, "127.0.0.1:25"), "");
});

Deno.test("a configuration names a passed socket by name or number", () => {
  const parse = (listen: string, agent = "smtp") =>
    configSchema.safeParse({
      agents: [{ agent, listen, ...(agent === "smtp" ? { nextHop: "maildir:/nowhere" } : {}) }],
    });
  for (const listen of ["fd:3", "fd:10", "fd:smtp", "fd:postern-smtp.socket", "fd:3a"]) {
    for (const agent of ["smtp", "milter", "clamd", "spamd", "rspamd", "delegation"]) {
      assert.equal(parse(listen, agent).success, true, `${agent} ${listen}`);
    }
  }
  for (
    const listen of ["fd:", "fd:0", "fd:2", "fd:03", "fd:99999", "fd:a b", "fd:a:b", "FD:3:4:"]
  ) {
    const { error } = parse(listen);
    assert.match(error?.message ?? "", /or fd:NAME for a socket that systemd passes/, listen);
  }
});
