import assert from "node:assert/strict";
import { inTime } from "../../tests/in_time.ts";
import { decodeNames } from "./names.ts";
import { readStructured } from "./parameters.ts";

const boundaries: { name: string; value: string; first?: string; among: string[] }[] = [
  { name: "a token", value: "multipart/mixed; boundary=b1", first: "b1", among: ["b1"] },
  {
    name: "a quoted string",
    value: 'multipart/mixed; boundary="b 1"',
    first: "b 1",
    among: ["b 1"],
  },
  { name: "a token that begins with =", value: "multipart/mixed; boundary==_b1", among: ["=_b1"] },
  {
    name: "escapes",
    value: 'multipart/mixed; boundary="b\\"1"',
    first: 'b"1',
    among: ['b"1', "b\\"],
  },
  {
    name: "comments",
    value: "multipart/mixed (x;y); boundary=b1(z)",
    first: "b1",
    among: ["b1", "b1(z)"],
  },
  {
    name: "nested comments",
    value: 'multipart/mixed; (a(b\\)c";)d) boundary=b1',
    first: "b1",
    among: ["b1"],
  },
  { name: "an open comment", value: "multipart/mixed; boundary=b1 (x", first: "b1", among: ["b1"] },
  { name: "an open quote", value: 'multipart/mixed; boundary="b1', among: ["b1"] },
  { name: "a closing quote alone", value: 'multipart/mixed; boundary=b1"', among: ["b1"] },
  {
    name: "single quotes",
    value: "multipart/mixed; boundary='b1'",
    first: "'b1'",
    among: ["'b1'", "b1"],
  },
  {
    name: "two parameters",
    value: "multipart/mixed; boundary=b1; boundary=b2",
    first: "b1",
    among: ["b1", "b2"],
  },
  { name: "a comma", value: "multipart/mixed, boundary=b1", among: ["b1"] },
  { name: "blanks around =", value: "multipart/mixed; boundary = b1", first: "b1", among: ["b1"] },
  {
    name: "blanks inside",
    value: "multipart/mixed; boundary=b1 x",
    first: "b1 x",
    among: ["b1 x", "b1"],
  },
  { name: "an upper-case name", value: "multipart/mixed; BOUNDARY=b1", first: "b1", among: ["b1"] },
  {
    name: "RFC 2231",
    value: "multipart/mixed; boundary*=us-ascii'en'b%31",
    first: "b1",
    among: ["b1"],
  },
  {
    name: "RFC 2231 in UTF-16",
    value: "multipart/mixed; boundary*=utf-16be''%00b%001",
    first: "b1",
    among: ["b1"],
  },
  {
    name: "pieces",
    value: "multipart/mixed; boundary*1=1; boundary*0=b",
    first: "b1",
    among: ["b1", "1b"],
  },
  {
    name: "pieces with gap",
    value: "multipart/mixed; boundary*0=b; boundary*2=1",
    first: "b",
    among: ["b", "b1"],
  },
  {
    name: "pieces in part encoded",
    value: "multipart/mixed; boundary*0*=''%62; boundary*1=%31",
    first: "b%31",
    among: ["b%31", "b1"],
  },
  {
    name: "extended and plain",
    value: "multipart/mixed; boundary*=''b1; boundary=b2",
    first: "b1",
    among: ["b1", "b2"],
  },
  {
    name: "an encoded word",
    value: 'multipart/mixed; boundary="=?us-ascii?q?b=31?="',
    first: "=?us-ascii?q?b=31?=",
    among: ["b1"],
  },
  { name: "a NUL", value: 'multipart/mixed; boundary="b1\0x"', among: ["b1", "b1x"] },
  {
    name: "a name hidden in another value",
    value: 'multipart/mixed; x="; boundary=b1; y="',
    among: ["b1"],
  },
  { name: "no parameter", value: "multipart/mixed", among: [] },
];
for (const { name, value, first, among } of boundaries) {
  Deno.test(`readStructured() reads a boundary with ${name}`, { permissions: "none" }, () => {
    const found = readStructured(value).parameter("boundary");
    if (first !== undefined) assert.equal(found[0], first);
    for (const one of among) assert.ok(found.includes(one), JSON.stringify(found));
    if (among.length === 0) assert.deepEqual(found, []);
  });
}

const names: { name: string; value: string; among: string[] }[] = [
  {
    name: "EBCDIC by RFC 2231",
    value: "attachment; filename*=cp037''%85%4B%83%96%94",
    among: ["e.com"],
  },
  {
    name: "UTF-8 by RFC 2231",
    value: "attachment; filename*=UTF-8''%e2%82%ac%20rates.exe",
    among: ["€ rates.exe"],
  },
  {
    name: "encoded words",
    value: 'attachment; filename="=?utf-8?Q?too?= =?utf-8?B?bC5leGU=?="',
    among: ["tool.exe"],
  },
  { name: "raw UTF-8", value: 'attachment; filename="\xc3\xbc.exe"', among: ["ü.exe"] },
  { name: "raw Latin 1", value: 'attachment; filename="\xfc.exe"', among: ["ü.exe"] },
  {
    name: "a percent sign that is meant",
    value: 'attachment; filename="tool%2Eexe"',
    among: ["tool%2Eexe"],
  },
  {
    name: "a NUL",
    value: 'attachment; filename="tool.exe\0.txt"',
    among: ["tool.exe", "tool.exe\u2400.txt"],
  },
];
for (const { name, value, among } of names) {
  Deno.test(
    `readStructured() and decodeNames() read a name with ${name}`,
    { permissions: "none" },
    () => {
      const found = decodeNames(readStructured(value).parameter("filename"));
      for (const one of among) assert.ok(found.includes(one), JSON.stringify(found));
    },
  );
}

const mains: { value: string; among: string }[] = [
  { value: "Text/HTML; charset=x", among: "text/html" },
  { value: "multipart / mixed; boundary=b", among: "multipart/mixed" },
  { value: ": multipart/mixed; boundary=b", among: "multipart/mixed" },
  { value: '"multipart/mixed"; boundary=b', among: "multipart/mixed" },
  { value: "=?us-ascii?q?multipart/mixed?=; boundary=b", among: "multipart/mixed" },
  { value: "multi(x)part/mixed; boundary=b", among: "multipart/mixed" },
];
for (const { value, among } of mains) {
  Deno.test(`readStructured() reads the type of ${value}`, { permissions: "none" }, () => {
    assert.ok(
      readStructured(value).mains.includes(among),
      JSON.stringify(readStructured(value).mains),
    );
  });
}

Deno.test("readStructured() takes hostile values in time that grows with their length", {
  permissions: "none",
}, () => {
  const hostile = [
    "(".repeat(1e6),
    'a/b; x="' + "\\".repeat(1e6),
    "a/b; " + "boundary*0=x; ".repeat(7e4),
    "a/b; x" + " ".repeat(1e6) + "y=z",
  ];
  for (const value of hostile) {
    inTime(5_000, () => readStructured(value).parameter("boundary"));
  }
});
