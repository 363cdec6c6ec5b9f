import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./ui/App";
import { loadConfig } from "./client/config";
import { Api } from "./client/api";
import { applyTheme, loadTheme } from "./ui/theme";
import "./ui/theme.css";

applyTheme(loadTheme());

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
const { api } = await loadConfig();
createRoot(root).render(
  <StrictMode>
    <App api={new Api(api)} />
  </StrictMode>,
);
