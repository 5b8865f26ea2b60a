/** The page: takes over what the server has rendered, and keeps it up to date. */

import { Client } from "unisono";
import { UnisonoProvider } from "unisono/react";
import { createElement as h } from "react";
import { hydrateRoot } from "react-dom/client";

import { App } from "./app.mjs";

const { url, preloaded } = JSON.parse(document.getElementById("preloaded").textContent);
const client = new Client(url, { preloaded });
hydrateRoot(document.getElementById("root"), h(UnisonoProvider, { client }, h(App)));
