import assert from "node:assert/strict";
import { Passwords, wordsToTry } from "./passwords.ts";

const rows: readonly (readonly [string, string])[] = [
  ["The password is 4711x.", "4711x"],
  ["Password: Sommer2024!", "Sommer2024!"],
  ["Das Passwort lautet „geheim“.", "geheim"],
  ["heslo k archivu: Jaro-2025", "Jaro-2025"],
  ["mot de passe : l'été", "l'été"],
  ["pass - 123", "123"],
  ["Please use 'two words' to open it", "two words"],
  ["password: two words here", "two words here"],
  ["Пароль: лето", "лето"],
  ["open it with (abc123)", "abc123"],
];
for (const [text, password] of rows) {
  Deno.test(`wordsToTry() has ${password} of: ${text}`, { permissions: "none" }, () => {
    assert.ok(wordsToTry(text).slice(0, 20).includes(password), wordsToTry(text).join(" | "));
  });
}

Deno.test("wordsToTry() puts what stands behind the word password first", {
  permissions: "none",
}, () => {
  const filler = Array.from({ length: 2000 }, (_, i) => `Word${i}!`).join(" ");
  const found = wordsToTry(`${filler} password 7g ${filler}`);
  assert.equal(found[0], "7g");
  assert.ok(found.length <= 400);
});

Deno.test("Passwords gives what worked, then the configured, then words of texts without marks", {
  permissions: "none",
}, () => {
  const passwords = new Passwords(["infected"]);
  passwords.addText("invoice");
  passwords.addText(new TextEncoder().encode("<p>Password: <b>a&amp;b</b></p><style>x1</style>"));
  passwords.fits("latest");
  const all = passwords.candidates();
  assert.deepEqual(all.slice(0, 2), ["latest", "infected"]);
  assert.ok(all.includes("invoice") && all.includes("a&b") && !all.includes("x1"), all.join(" "));
});
