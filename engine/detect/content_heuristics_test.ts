import assert from "node:assert/strict";
import { macroHeuristics } from "./macro_heuristics.ts";
import { markupHeuristics, markupText } from "./markup_heuristics.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const utf16 = (text: string) =>
  Uint8Array.from([0xff, 0xfe, ...Array.from(encode(text)).flatMap((octet) => [octet, 0])]);

const SMUGGLE =
  '<script>var b=new Blob([atob("QQ==")]);a.href=URL.createObjectURL(b);a.download="x.exe";a.click()</script>';
const pages: { name: string; octets: Uint8Array; want: boolean }[] = [
  { name: "a page that makes a file", octets: encode(SMUGGLE), want: true },
  { name: "the same in UTF-16", octets: utf16(SMUGGLE), want: true },
  { name: "a page with a script", octets: encode("<script>alert(1)</script>"), want: false },
  {
    name: "a page that only speaks of it",
    octets: encode("<p>new Blob, createObjectURL, .download</p>"),
    want: false,
  },
  {
    name: "a newsletter",
    octets: encode('<html><a href="https://example.org/download">x</a>'),
    want: false,
  },
];
for (const { name, octets, want } of pages) {
  Deno.test(`markupHeuristics() of ${name}`, () => {
    assert.equal(markupHeuristics(markupText(octets)).length > 0, want);
  });
}

const macros: { name: string; text: string; want: boolean }[] = [
  {
    name: "runs by itself and starts a program",
    text: 'Sub AutoOpen()\r\nShell "calc"\r\nEnd Sub',
    want: true,
  },
  {
    name: "is split over lines",
    text: "Private Sub _\r\n  Document_Open()\r\nCreateObject(x)",
    want: true,
  },
  {
    name: "only runs by itself",
    text: "Sub Workbook_Open()\r\nRange(1).Select\r\nEnd Sub",
    want: false,
  },
  {
    name: "only starts a program",
    text: 'Sub Report()\r\nShell "notepad"\r\nEnd Sub',
    want: false,
  },
];
for (const { name, text, want } of macros) {
  Deno.test(`macroHeuristics() of a macro that ${name}`, () => {
    assert.equal(macroHeuristics(encode(text)).length > 0, want);
  });
}
