// The page of the chat in a headless Chromium: type a message as a person would, print the list whenever it changes.
import { chromium } from "playwright-core";
import { fail, print, untilInputEnds } from "./say_and_print.mjs";

const [url, executablePath] = process.argv.slice(2);
const QUIET = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

try {
  const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox", ...QUIET] : QUIET });
  const page = await browser.newPage();
  page.on("pageerror", fail);
  await page.exposeFunction("report", print);
  await page.addInitScript(() => {
    addEventListener("DOMContentLoaded", () => {
      const list = document.getElementById("messages");
      new MutationObserver(() => report([...list.children].map((item) => item.textContent))).observe(list, { childList: true });
    });
  });
  await page.goto(url);
  await page.fill("#body", "hello from the page");
  await page.click("button");
  await untilInputEnds();
  await browser.close();
} catch (error) {
  fail(error);
}
