/** Text made to keep an expression busy: each of these took minutes or for ever once, and takes milliseconds. */
import assert from "node:assert/strict";
import { pdfActions } from "../unpack/pdf_actions.ts";
import { xmlHeuristics } from "./document_heuristics.ts";
import { fileType } from "./file_type.ts";
import { linkHeuristics } from "./link_heuristics.ts";

const none = { permissions: "none" } as const;
const octets = (text: string) => new TextEncoder().encode(text);

Deno.test("fileType() of a page of many comments", none, () => {
  const comments = "<!-- a -->".repeat(300);
  assert.equal(fileType(octets(`${comments}<x`)), "text");
  assert.equal(fileType(octets(`${comments}<svg>`)), "svg");
  assert.equal(fileType(octets(`${comments}<html>`)), "html");
  assert.equal(fileType(octets("<!-- > -- -> <svg> --><p>")), "html");
});

Deno.test("linkHeuristics() of a page of links that never end", none, () => {
  assert.deepEqual(linkHeuristics("<a ".repeat(1_000_000)), []);
  assert.deepEqual(linkHeuristics("<a href=x>".repeat(300_000)), []);
  const link = '<a href="http://paypal.example.net/">paypal.com</a>';
  const late = `${"<a ".repeat(1000)}>${link.replace("paypal.example", "paypal.com.example")}`;
  assert.equal(linkHeuristics(late).length, 1);
  assert.equal(linkHeuristics(`<a href="http://paypal.com/"><a${late}`).length, 1);
});

Deno.test("xmlHeuristics() of relationships that never end", none, () => {
  assert.deepEqual(xmlHeuristics("<Relationship ".repeat(500_000)), []);
});

Deno.test("pdfActions() of a script whose parentheses never match", none, () => {
  const script = `/JS(print(\\${")\\(\\)\\".repeat(200)})`;
  const text = `/OpenAction<</S/JavaScript${script}>>`;
  assert.deepEqual(pdfActions(text, []), ["Heuristic.PdfOpenScript"]);
  const far = `/S/JavaScript ${"/OpenAction 1 0 R ".repeat(100_000)}\n1 0 obj<<>>endobj`;
  assert.deepEqual(pdfActions(far, []), []);
});
