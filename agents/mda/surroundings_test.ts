import assert from "node:assert/strict";
import fc from "fast-check";
import { envelopeOf } from "./surroundings.ts";

const octets = (text: string) => new TextEncoder().encode(text);
const NOTHING = { recipients: [] };

Deno.test("options come before the environment, and that before the message", () => {
  const message = octets("Return-Path: <path@s.test>\nSubject: x\n\n");
  const environment = {
    SENDER: "env@s.test",
    RECIPIENT: "env@h.test",
    CLIENT_ADDRESS: "192.0.2.7",
  };
  assert.deepEqual(envelopeOf(NOTHING, environment, message), {
    sender: "env@s.test",
    recipients: ["env@h.test"],
    client: "192.0.2.7",
  });
  const told = { sender: "<o@S.test>", recipients: ["o@h.test", "p@h.test"], client: "::1" };
  assert.deepEqual(envelopeOf(told, environment, message), {
    sender: "o@s.test",
    recipients: ["o@h.test", "p@h.test"],
    client: "::1",
  });
  assert.equal(envelopeOf(NOTHING, {}, message).sender, "path@s.test");
  assert.equal(envelopeOf(NOTHING, {}, octets("From a@s.test Sun\nX: y\n\n")).sender, "a@s.test");
  assert.deepEqual(envelopeOf(NOTHING, { USER: "joe" }, octets("")).recipients, ["joe"]);
});

Deno.test("the null sender has several spellings, and is not looked for elsewhere", () => {
  const message = octets("Return-Path: <path@s.test>\n\n");
  for (const SENDER of ["", "<>", "MAILER-DAEMON", "#@[]"]) {
    assert.equal(envelopeOf(NOTHING, { SENDER }, message).sender, "", SENDER);
  }
  assert.equal(envelopeOf(NOTHING, {}, octets("Return-Path: <>\n\n")).sender, "");
  assert.equal(envelopeOf(NOTHING, {}, octets("X: y\n\nReturn-Path: <a@b>\n")).sender, "");
});

Deno.test("any message and environment give an envelope", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 200 }),
    fc.dictionary(fc.constantFrom("SENDER", "RECIPIENT", "CLIENT_ADDRESS", "USER"), fc.string()),
    (message, environment) => {
      const { sender, recipients } = envelopeOf(NOTHING, environment, message);
      assert.equal(typeof sender, "string");
      assert.ok(recipients.length <= 1);
    },
  ));
});
