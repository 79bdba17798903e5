// The same pages with scripts switched off: forms, filters, menus and stories are plain links and forms.
import { Desk } from "../support/desk.js";
import { account, menu, openPayment, signIn, signOut } from "./doors.js";

export async function plain(place) {
  const desk = await Desk.open(place, "without-scripts", { script: false });
  const { page } = desk;
  await signIn(desk, place.people.operation);
  await menu(desk, "Provider management");
  await page.getByLabel("Search by name").fill("doku");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("row", { name: /^DOKU sandbox/ }).waitFor();
  await openPayment(desk, "1000000044");
  await page.getByText("Attempt 3 at KasPro sandbox").waitFor();
  await page.getByText("What came").first().click();
  await menu(desk, "Your security");
  await account(desk);
  await page.getByRole("button", { name: "Bahasa Indonesia" }).click();
  await page.getByRole("heading", { name: "Keamanan Anda" }).waitFor();
  await account(desk);
  await page.getByRole("button", { name: "English" }).click();
  await signOut(desk);
}
