import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { pdfActions } from "../unpack/pdf_actions.ts";
import { type ContentFacts, contentHeuristics } from "./content_heuristics.ts";

const octets = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

interface Row {
  readonly name: string;
  readonly facts: Omit<ContentFacts, "octets"> & { readonly text: string };
  readonly want: readonly string[];
}

const part = (text: string, name = "word/document.xml") => ({
  text,
  type: "xml",
  container: "ooxml",
  names: [name],
});
const rels = (type: string, target: string) =>
  part(
    `<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/${type}" Target="${target}" TargetMode="External"/></Relationships>`,
    "word/_rels/settings.xml.rels",
  );
const pe = (section: string) => {
  const image = Buffer.alloc(512);
  image.write("MZ");
  image.writeUInt32LE(64, 60);
  image.write("PE\0\0", 64);
  image.writeUInt16LE(1, 70);
  image.writeUInt16LE(224, 84);
  image.write(section, 64 + 24 + 224);
  return image.toString("latin1");
};
const lnk = (args: string) => {
  const head = Buffer.alloc(76);
  head.writeUInt32LE(0x20 | 0x80, 20);
  const size = Buffer.alloc(2);
  size.writeUInt16LE(args.length);
  return Buffer.concat([head, size, Buffer.from(args, "utf16le")]).toString("latin1");
};
const html = (text: string) => ({ text, type: "html", names: [] });
const moniker = (address: string) =>
  Buffer.concat([
    Buffer.from("e0c9ea79f9bace118c8200aa004ba90b", "hex"),
    Buffer.alloc(4),
    Buffer.from(address, "utf16le"),
  ]).toString("latin1");

/** A workbook's link to a program, and what it is given, by DDE; behind the record of its beginning. */
const sheetLink = (path: string) => ({
  text: `\x09\x08\x00\x00\xae\x01${String.fromCharCode(path.length + 5)}\0\0\0${
    String.fromCharCode(path.length)
  }\0\0${path}`,
  type: "binary",
  container: "ole",
  names: ["Workbook"],
});

const rows: readonly Row[] = [
  {
    name: "a link of an old workbook to a shell",
    facts: sheetLink("C:\\Windows\\cmd.exe\x03/c calc.exe"),
    want: ["Heuristic.Dde"],
  },
  {
    name: "a link of an old workbook to another program",
    facts: sheetLink("Bloomberg\x03cmd"),
    want: [],
  },
  {
    name: "a DDE field in one piece",
    facts: part('<w:fldSimple w:instr=" DDEAUTO c:\\\\cmd.exe &quot;/k calc&quot; "/>'),
    want: ["Heuristic.Dde"],
  },
  {
    name: "a DDE field cut into runs",
    facts: part(
      '<w:fldChar w:fldCharType="begin"/><w:instrText>DD</w:instrText><w:instrText xml:space="preserve">EAUTO cmd "/k"</w:instrText>',
    ),
    want: ["Heuristic.Dde"],
  },
  {
    name: "a DDE field in other case, under a long prefix",
    facts: part(
      `<${"w".repeat(100)}:FLDCHAR w:fldCharType="begin"/><${
        "w".repeat(100)
      }:INSTRTEXT>DDEAUTO cmd "/k"</w:instrText>`,
    ),
    want: ["Heuristic.Dde"],
  },
  {
    name: "a text that speaks of DDE, and a field that does not",
    facts: part(
      '<w:t>DDEAUTO cmd</w:t><w:fldChar w:fldCharType="begin"/><w:instrText>PAGE</w:instrText>',
    ),
    want: [],
  },
  {
    name: "a sheet's link to a shell",
    facts: part('<ddeLink ddeService="cmd" ddeTopic="/c calc"/>', "xl/externalLinks/e1.xml"),
    want: ["Heuristic.Dde"],
  },
  {
    name: "a sheet's link to market data",
    facts: part('<ddeLink ddeService="BLP" ddeTopic="M"/>', "xl/externalLinks/e1.xml"),
    want: [],
  },
  {
    name: "cells of a CSV file",
    facts: { text: "a;b\n=cmd|'/c calc'!A0;1\n", type: "text", names: ["x.csv"] },
    want: ["Heuristic.Dde"],
  },
  {
    name: "a CSV file with bars",
    facts: { text: "=SUM(A1)|b\nuse cmd | more\n", type: "text", names: ["x.csv"] },
    want: [],
  },
  {
    name: "a sum before the program, in quotes",
    facts: {
      text: `1,"  @SUM(1+1)*cmd.exe |'/c a, b'!A0",2\n`,
      type: "text",
      names: ["x.csv"],
    },
    want: ["Heuristic.Dde"],
  },
  {
    name: "prose with a choice of shells, exported as CSV",
    facts: {
      text: "the project - including (sh|file)-utils, wow!\n- cat in | sh | nc h!\n",
      type: "text",
      names: ["x.csv"],
    },
    want: [],
  },
  {
    name: "a template from the web",
    facts: rels("attachedTemplate", "https://example.net/a.dotm"),
    want: ["Heuristic.RemoteTemplate"],
  },
  {
    name: "a template of another host",
    facts: rels("attachedTemplate", "file:///\\\\example.net\\share\\a.dotm"),
    want: ["Heuristic.RemoteTemplate"],
  },
  {
    name: "a template on the sender's disk",
    facts: rels("attachedTemplate", "file:///C:\\Users\\A\\Normal.dotm"),
    want: [],
  },
  { name: "a link in a text", facts: rels("hyperlink", "https://example.net/"), want: [] },
  {
    name: "an object from the web",
    facts: rels("oleObject", "http://example.net/a.html!"),
    want: ["Heuristic.RemoteObject"],
  },
  {
    name: "a macro sheet",
    facts: part("<xm:macrosheet/>", "xl/macrosheets/sheet1.xml"),
    want: ["Heuristic.ExcelMacroSheet"],
  },
  {
    name: "RTF with a template from the web",
    facts: { text: "{\\rtf1{\\*\\template http://example.net/x}}", type: "rtf", names: [] },
    want: ["Heuristic.RemoteTemplate"],
  },
  {
    name: "RTF with a template of its own",
    facts: { text: "{\\rtf1{\\*\\template C:\\\\a\\\\Normal.dot}}", type: "rtf", names: [] },
    want: [],
  },
  {
    name: "RTF with a DDE field",
    facts: { text: '{\\rtf1{\\field{\\*\\fldinst {DDEAUTO cmd "/k"}}}}', type: "rtf", names: [] },
    want: ["Heuristic.Dde"],
  },
  {
    name: "an OLE object with an address",
    facts: {
      text: moniker("http://example.net/"),
      type: "binary",
      container: "ole",
      names: ["\x01Ole"],
    },
    want: ["Heuristic.RemoteObject"],
  },
  {
    name: "a packed program",
    facts: { text: pe("UPX0"), type: "pe", names: [] },
    want: ["Heuristic.PackedProgram"],
  },
  { name: "a program", facts: { text: pe(".text"), type: "pe", names: [] }, want: [] },
  {
    name: "a program in an image",
    facts: { text: pe(".text"), type: "pe", container: "iso", names: ["a.exe"] },
    want: ["Heuristic.DiskImageProgram"],
  },
  {
    name: "a text in an image",
    facts: { text: "x", type: "text", container: "iso", names: ["a.txt"] },
    want: [],
  },
  {
    name: "a script in a notebook",
    facts: { text: "x", type: "hta", container: "onenote", names: [] },
    want: ["Heuristic.OneNoteProgram"],
  },
  {
    name: "a shortcut to a shell",
    facts: { text: lnk("/c powershell -enc x"), type: "lnk", names: [] },
    want: ["Heuristic.ShortcutCommand"],
  },
  {
    name: "a shortcut with hidden arguments",
    facts: { text: lnk(`${" ".repeat(260)}x`), type: "lnk", names: [] },
    want: ["Heuristic.ShortcutCommand"],
  },
  {
    name: "a shortcut to a file",
    facts: { text: lnk("C:\\report.docx"), type: "lnk", names: [] },
    want: [],
  },
  {
    name: "a link to an IP address",
    facts: html('<a href="http://192.0.2.1/x">https://www.example.com/login</a>'),
    want: ["Heuristic.LookAlikeLink"],
  },
  {
    name: "a link to a name that holds the name",
    facts: html('<a href="https://paypal.com.example.net/">paypal.com</a>'),
    want: ["Heuristic.LookAlikeLink"],
  },
  {
    name: "a link to a name that is drawn alike",
    facts: html('<a href="https://www.paypa1.com/"><b>www.paypal.com</b></a>'),
    want: ["Heuristic.LookAlikeLink"],
  },
  {
    name: "a newsletter's link that counts clicks",
    facts: html('<a href="https://click.mailer.example/?x=1">www.example.com</a>'),
    want: [],
  },
  {
    name: "a link to another host of the same domain",
    facts: html('<a href="https://mail.example.co.uk/">www.example.co.uk</a>'),
    want: [],
  },
];
for (const { name, facts: { text, ...facts }, want } of rows) {
  Deno.test(`contentHeuristics() of ${name}`, { permissions: "none" }, () => {
    const found = contentHeuristics({ ...facts, octets: octets(text) });
    assert.deepEqual(found.map((match) => match.name), want);
  });
}

const pdfs: readonly { name: string; text: string; streams?: string[]; want: string[] }[] = [
  {
    name: "a launch action",
    text: "<</OpenAction<</S/Launch/F(cmd.exe)>>>>",
    want: ["Heuristic.PdfLaunch"],
  },
  {
    name: "a script on opening",
    text: "<</OpenAction 5 0 R>>\n5 0 obj<</S/JavaScript/JS(app.alert(1))>>endobj",
    want: ["Heuristic.PdfOpenScript"],
  },
  {
    name: "the same with names in hex",
    text: "<</Open#41ction<</S/Java#53cript/JS(x)>>>>",
    want: ["Heuristic.PdfOpenScript"],
  },
  {
    name: "a script in an object stream",
    text: "<</OpenAction 5 0 R>>",
    streams: ["5 0 <</S/JavaScript/JS(x)>>"],
    want: ["Heuristic.PdfOpenScript"],
  },
  {
    name: "a document that prints",
    text: "<</OpenAction<</S/JavaScript/JS(this.print(true);)>>>>",
    want: [],
  },
  {
    name: "a form that checks a field",
    text:
      "<</OpenAction 4 0 R>>\n4 0 obj[3 0 R/Fit]endobj\n5 0 obj<</S/JavaScript/JS(AFNumber())>>endobj",
    want: [],
  },
];
for (const { name, text, streams = [], want } of pdfs) {
  Deno.test(`pdfActions() of ${name}`, { permissions: "none" }, () => {
    assert.deepEqual(pdfActions(text, streams), want);
  });
}
