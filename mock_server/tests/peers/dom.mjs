// A page without a browser, and a WebSocket for Node: imported before any framework is.
import { Window } from "happy-dom";
import { WebSocket } from "ws";

const window = new Window({ url: "http://page.test" });
const { document, navigator } = window;
Object.assign(globalThis, { window, document, navigator, WebSocket });
for (const name of ["Node", "Element", "HTMLElement", "SVGElement", "Text", "Comment", "Event"])
  globalThis[name] = window[name];
export const root = document.body.appendChild(document.createElement("div"));
