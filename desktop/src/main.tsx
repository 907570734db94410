import { createRoot } from "react-dom/client";
import { Desk } from "./core/desk";
import { pageHistory } from "./core/history/page_history";
import { pagePhone } from "./core/phone/page_phone";
import { App } from "./ui/App";
import "./ui/base.css";
import "./ui/desk.css";
import "./ui/card.css";
import "./ui/keys.css";
import "./ui/phone.css";
import "./ui/history/history.css";
import "./ui/transfer.css";

const desk = new Desk();
const phone = pagePhone(desk);
const history = pageHistory(desk);
void desk.start();
const root = document.getElementById("root");
if (root) createRoot(root).render(<App desk={desk} phone={phone} history={history} />);
