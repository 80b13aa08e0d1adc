"""Each template opens to a working page in the sandbox, shows an edit by itself, and its check finds a mistake.

``APPBUILDER_SCREENSHOTS=<folder>`` keeps pictures of each, to be looked at.
"""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from building import app_builder
from chromium import PATIENCE
from playwright.async_api import Page, expect
from previewed import browsing, running

from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.templates.templates import find_templates
from jupyter_appbuilder.tools.problems import read_problems


@dataclass(frozen=True)
class Expected:
    """What a template's first page says, an edit that shows in it, and a mistake that its check must name."""

    heading: str
    file: str
    old: str
    new: str
    shown: str
    broken_file: str
    broken: str
    named: str
    themed: bool = True  # has the button that switches the theme


EXPECTED = {
    "react-vite": Expected(
        heading="Describe your app.",
        file="src/App.tsx",
        old="Describe your app.",
        new="Changed while it runs.",
        shown="Changed while it runs.",
        broken_file="src/App.tsx",
        broken="export default function App() { return <p>{missing}</p>; }\n",
        named="missing",
    ),
    "vue-vite": Expected(
        heading="Describe your app.",
        file="src/views/HomeView.vue",
        old="Describe your app.",
        new="Changed while it runs.",
        shown="Changed while it runs.",
        broken_file="src/views/HomeView.vue",
        broken="<template><p>{{ missing }}</p></template>\n",
        named="missing",
    ),
    "nextjs": Expected(
        heading="Describe your app.",
        file="app/page.tsx",
        old="Describe your app.",
        new="Changed while it runs.",
        shown="Changed while it runs.",
        broken_file="app/page.tsx",
        broken="export default function Home() { return <p>{missing}</p>; }\n",
        named="missing",
    ),
    "streamlit": Expected(
        heading="Describe your app.",
        file="app.py",
        old="Describe your app.",
        new="Changed while it runs.",
        shown="Changed while it runs.",
        broken_file="data.py",
        broken="import pandas as pd\n\ntable = pd.missing()\n",
        named="missing",
        themed=False,  # Streamlit's own menu follows the system
    ),
    "panel": Expected(
        heading="Describe your app.",
        file="app.py",
        old="Describe your app.",
        new="Changed while it runs.",
        shown="Changed while it runs.",
        broken_file="app.py",
        broken="import panel_material_ui as pmui\n\npmui.Missing().servable()\n",
        named="Missing",
        themed=False,  # its switch is called otherwise
    ),
    "fastapi-react": Expected(
        heading="Describe your app.",
        file="src/App.tsx",
        old="Describe your app.",
        new="Changed while it runs.",
        shown="Changed while it runs.",
        broken_file="api/main.py",
        broken="from .models import Missing\n",
        named="Missing",
    ),
    "serverless": Expected(
        heading="Describe your app.",
        file="ui.json",
        old="Describe your app.",
        new="Changed while it runs.",
        shown="Changed while it runs.",
        broken_file="functions/tasks.ts",
        broken="export default () => missing;\n",
        named="missing",
    ),
    "static": Expected(
        heading="Describe your site.",
        file="index.html",
        old="Describe your site.",
        new="Changed while it runs.",
        shown="Changed while it runs.",
        broken_file="index.html",
        broken='<!doctype html><title>Broken</title><script type="module" src="js/missing.js"></script>\n',
        named="js/missing.js",
    ),
}


PLACE = """element => {
  const fiber = Object.keys(element).find(name => name.startsWith("__reactFiber$"));
  return globalThis[Symbol.for("appbuilder.places")].get(element[fiber].memoizedProps);
}"""

PYTHON_MISTAKES = {"streamlit": "wrong.py", "panel": "wrong.py", "fastapi-react": "api/wrong.py"}
"""Where a name that is not there is looked for: the mistakes above show only when the code runs."""


async def picture(page: Page, name: str) -> None:
    folder = os.environ.get("APPBUILDER_SCREENSHOTS")
    if not folder:
        return
    for width, height, form in ((1280, 860, "wide"), (390, 844, "narrow")):
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await page.wait_for_timeout(400)
            await page.screenshot(path=f"{folder}/{name}-{form}-{scheme}.png")
    await page.set_viewport_size({"width": 1280, "height": 860})
    await page.emulate_media(color_scheme="light")


def test_every_shipped_template_is_looked_at() -> None:
    assert set(find_templates()) == set(EXPECTED)


@pytest.mark.timeout(400)  # the first run installs packages
@pytest.mark.parametrize("template", sorted(EXPECTED))
async def test_a_template_opens_shows_an_edit_and_finds_a_mistake(template: str, tmp_path: Path) -> None:
    expected = EXPECTED[template]
    async with running(tmp_path, template) as (session, builder, url):
        found = builder.library.find(template)
        sandbox = await session.app.sandbox()
        assert found.title
        assert found.summary
        assert found.icon.startswith("<svg")

        async with browsing(url) as (page, problems):
            heading = page.get_by_role("heading", level=1)
            await expect(heading).to_contain_text(expected.heading)
            await picture(page, template)
            await page.set_viewport_size({"width": 390, "height": 844})
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than a phone"
            if expected.themed:
                dark = "getComputedStyle(document.documentElement).colorScheme"
                await page.get_by_role("button", name="Switch to the dark theme").click()
                await expect(page.get_by_role("button", name="Switch to the light theme")).to_be_visible()
                assert await page.evaluate(dark) == "dark"
            assert problems == []
            source = await session.workspace.read_text(expected.file)
            assert expected.old in source
            if template == "nextjs":  # where it is written: of what the server renders, and of what the page does
                line = source[: source.index("<h1")].count("\n") + 1
                assert await heading.get_attribute("data-appbuilder-at") == f"h1 {expected.file}:{line}:11"
                place = await page.get_by_role("button").first.evaluate(PLACE)
                assert place.startswith("components/ui/button.tsx:")
            await session.workspace.write(expected.file, source.replace(expected.old, expected.new))
            await expect(heading).to_contain_text(expected.shown)
            assert problems == []

        good = await sandbox.exec(found.check)
        assert good.exit_code == 0, good.stdout + good.stderr
        await session.workspace.write(expected.broken_file, expected.broken)
        bad = await sandbox.exec(found.check)
        assert bad.exit_code != 0
        assert expected.named in bad.stdout + bad.stderr
        # What is looked for in the background finds mistakes and nothing else.

        async def quickly() -> set[str]:
            looked = await sandbox.exec(found.diagnostics)
            return {problem.path for problem in read_problems(f"{looked.stdout}\n{looked.stderr}")}

        assert await quickly() <= {expected.broken_file}
        mistakes = {PYTHON_MISTAKES[template]: "print(nowhere)\n"} if template in PYTHON_MISTAKES else {}
        if template not in ("streamlit", "panel"):
            mistakes["broken.css"] = ".a {\n  color: red;\n"
        for path, text in mistakes.items():
            await session.workspace.write(path, text)
        wanted = mistakes.keys() if template in PYTHON_MISTAKES else {*mistakes, expected.broken_file}
        assert wanted <= await quickly()
        for path in mistakes:
            await session.workspace.delete(path)
        # What the dev server wrote beside the app's files is in no checkpoint.
        listed = {file.path for file in await session.workspace.list()}
        made = listed - {path.relative_to(found.files).as_posix() for path in found.files.rglob("*")}
        assert made == set()


VUE_PARTS = """
<script setup lang="ts">
import { ref } from "vue";
import AppBadge from "@/components/ui/AppBadge.vue";
import AppButton from "@/components/ui/AppButton.vue";
import AppCard from "@/components/ui/AppCard.vue";
import AppChart from "@/components/ui/AppChart.vue";
import AppCheckbox from "@/components/ui/AppCheckbox.vue";
import AppDialog from "@/components/ui/AppDialog.vue";
import AppInput from "@/components/ui/AppInput.vue";
import AppLabel from "@/components/ui/AppLabel.vue";
import AppSelect from "@/components/ui/AppSelect.vue";
import AppSwitch from "@/components/ui/AppSwitch.vue";
import AppTabs from "@/components/ui/AppTabs.vue";
import AppTextarea from "@/components/ui/AppTextarea.vue";

const open = ref(false);
const name = ref("");
const notes = ref("");
const fruit = ref("");
const done = ref(false);
const loud = ref(false);
const fruits = [{ value: "apple", label: "Apple" }, { value: "pear", label: "Pear" }];
const tabs = [{ value: "one", label: "One" }, { value: "two", label: "Two" }];
const data = { labels: ["a", "b"], datasets: [{ label: "Sold", data: [3, 5] }] };
</script>

<template>
  <main class="grid max-w-xl gap-4 p-6">
    <h1>Parts <AppBadge variant="secondary">new</AppBadge></h1>
    <AppCard title="Card" description="With a chart">
      <AppChart type="bar" :data="data" label="Sold by letter" />
    </AppCard>
    <AppTabs :tabs="tabs"><template #one>First</template><template #two>Second</template></AppTabs>
    <AppSelect v-model="fruit" :options="fruits" label="Fruit" />
    <AppLabel><AppCheckbox v-model="done" aria-label="Done" /> Done</AppLabel>
    <AppSwitch v-model="loud" aria-label="Loud" />
    <AppTextarea v-model="notes" aria-label="Notes" />
    <AppButton @click="open = true">Open</AppButton>
    <AppDialog v-model:open="open" title="Who?"><AppInput v-model="name" aria-label="Name" /></AppDialog>
    <output>{{ [name, notes, fruit, done, loud].join("|") }}</output>
  </main>
</template>
"""


@pytest.mark.walk
async def test_the_vue_templates_parts_work(tmp_path: Path) -> None:
    async with running(tmp_path, "vue-vite") as (session, builder, url):
        await session.workspace.write("src/views/HomeView.vue", VUE_PARTS)
        sandbox = await session.app.sandbox()
        check = await sandbox.exec(builder.library.find("vue-vite").check)
        assert check.exit_code == 0, check.stdout
        async with browsing(url) as (page, problems):
            await page.get_by_label("Notes").fill("some")
            await page.get_by_role("checkbox", name="Done").click()
            await page.get_by_role("switch", name="Loud").click()
            await page.get_by_role("tab", name="Two").click()
            await expect(page.get_by_text("Second")).to_be_visible()
            await page.get_by_role("combobox", name="Fruit").click()
            await page.get_by_role("option", name="Pear").click()
            await page.get_by_role("button", name="Open").click()
            await page.get_by_role("dialog", name="Who?").get_by_label("Name").fill("Ada")
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog")).to_have_count(0)
            await expect(page.locator("output")).to_have_text("Ada|some|pear|true|true")
            await expect(page.get_by_role("img", name="Sold by letter")).to_be_visible()
            await picture(page, "vue-parts")
            assert problems == []


REACT_PARTS = """
import { useState } from "react";
import { zodResolver } from "@hookform/resolvers/zod";
import type { ColumnDef } from "@tanstack/react-table";
import { format } from "date-fns";
import { Inbox } from "lucide-react";
import { useForm } from "react-hook-form";
import { BrowserRouter, Link, Route, Routes } from "react-router";
import { z } from "zod";

import { Accordion, AccordionContent, AccordionItem, AccordionTrigger } from "@/components/ui/accordion";
import {
  AlertDialog, AlertDialogAction, AlertDialogCancel, AlertDialogContent, AlertDialogDescription, AlertDialogFooter,
  AlertDialogHeader, AlertDialogTitle, AlertDialogTrigger,
} from "@/components/ui/alert-dialog";
import {
  Breadcrumb, BreadcrumbItem, BreadcrumbLink, BreadcrumbList, BreadcrumbPage, BreadcrumbSeparator,
} from "@/components/ui/breadcrumb";
import { Button } from "@/components/ui/button";
import { Calendar } from "@/components/ui/calendar";
import { Collapsible, CollapsibleContent, CollapsibleTrigger } from "@/components/ui/collapsible";
import { Command, CommandEmpty, CommandGroup, CommandInput, CommandItem, CommandList } from "@/components/ui/command";
import { DataTable } from "@/components/ui/data-table";
import { Empty } from "@/components/ui/empty";
import { Form, FormControl, FormDescription, FormField, FormItem, FormLabel, FormMessage } from "@/components/ui/form";
import { HoverCard, HoverCardContent, HoverCardTrigger } from "@/components/ui/hover-card";
import { Input } from "@/components/ui/input";
import { Pagination } from "@/components/ui/pagination";
import { RadioGroup, RadioGroupItem } from "@/components/ui/radio-group";
import { Slider } from "@/components/ui/slider";
import { Spinner } from "@/components/ui/spinner";
import { Toggle } from "@/components/ui/toggle";
import { ToggleGroup, ToggleGroupItem } from "@/components/ui/toggle-group";

interface Person { name: string; age: number }
const people: Person[] = Array.from({ length: 12 }, (_, index) => ({ name: `Person ${index + 1}`, age: 60 - index }));
const columns: ColumnDef<Person, unknown>[] = [
  { accessorKey: "name", header: "Name" },
  { accessorKey: "age", header: "Age" },
];
const schema = z.object({ email: z.email("That is no e-mail address.") });

function Parts() {
  const [said, setSaid] = useState("");
  const [page, setPage] = useState(1);
  const [day, setDay] = useState<Date | undefined>(new Date(2026, 0, 5));
  const form = useForm({ resolver: zodResolver(schema), defaultValues: { email: "" } });
  return (
    <main className="mx-auto grid max-w-3xl gap-5 p-6">
      <Breadcrumb>
        <BreadcrumbList>
          <BreadcrumbItem><BreadcrumbLink asChild><Link to="/">Home</Link></BreadcrumbLink></BreadcrumbItem>
          <BreadcrumbSeparator />
          <BreadcrumbItem><BreadcrumbPage>Parts</BreadcrumbPage></BreadcrumbItem>
        </BreadcrumbList>
      </Breadcrumb>
      <h1 className="text-2xl font-semibold">Parts</h1>
      <Form {...form}>
        <form noValidate className="grid gap-3" onSubmit={form.handleSubmit((values) => setSaid(values.email))}>
          <FormField
            control={form.control}
            name="email"
            render={({ field }) => (
              <FormItem>
                <FormLabel>E-mail</FormLabel>
                <FormControl><Input {...field} /></FormControl>
                <FormDescription>Never shown.</FormDescription>
                <FormMessage />
              </FormItem>
            )}
          />
          <Button type="submit" className="w-fit">Save</Button>
        </form>
      </Form>
      <DataTable columns={columns} data={people} label="People" search="Search people" pageSize={5} />
      <Pagination page={page} pages={9} onPageChange={setPage} />
      <div className="flex flex-wrap gap-6">
        <Calendar mode="single" selected={day} onSelect={setDay} defaultMonth={new Date(2026, 0)} className="border" />
        <Command className="h-44 w-56 border">
          <CommandInput placeholder="Find a fruit" />
          <CommandList>
            <CommandEmpty>No fruit.</CommandEmpty>
            <CommandGroup heading="Fruit">
              <CommandItem onSelect={() => setSaid("apple")}>Apple</CommandItem>
              <CommandItem onSelect={() => setSaid("pear")}>Pear</CommandItem>
            </CommandGroup>
          </CommandList>
        </Command>
      </div>
      <Accordion type="single" collapsible>
        <AccordionItem value="a">
          <AccordionTrigger>Why?</AccordionTrigger>
          <AccordionContent>Because.</AccordionContent>
        </AccordionItem>
      </Accordion>
      <Collapsible>
        <CollapsibleTrigger asChild><Button variant="outline">More</Button></CollapsibleTrigger>
        <CollapsibleContent>Hidden until now</CollapsibleContent>
      </Collapsible>
      <RadioGroup defaultValue="s" aria-label="Size" className="flex">
        <RadioGroupItem value="s" aria-label="Small" />
        <RadioGroupItem value="l" aria-label="Large" />
      </RadioGroup>
      <Slider defaultValue={[30]} max={100} aria-label="Volume" />
      <div className="flex items-center gap-3">
        <Toggle aria-label="Bold" variant="outline">B</Toggle>
        <ToggleGroup type="single" defaultValue="l" aria-label="Align">
          <ToggleGroupItem value="l">Left</ToggleGroupItem>
          <ToggleGroupItem value="r">Right</ToggleGroupItem>
        </ToggleGroup>
        <Spinner />
        <HoverCard openDelay={0}>
          <HoverCardTrigger href="#who">Who</HoverCardTrigger>
          <HoverCardContent>A card</HoverCardContent>
        </HoverCard>
        <AlertDialog>
          <AlertDialogTrigger asChild><Button variant="destructive">Delete</Button></AlertDialogTrigger>
          <AlertDialogContent>
            <AlertDialogHeader>
              <AlertDialogTitle>Delete all?</AlertDialogTitle>
              <AlertDialogDescription>It cannot be undone.</AlertDialogDescription>
            </AlertDialogHeader>
            <AlertDialogFooter>
              <AlertDialogCancel>Keep</AlertDialogCancel>
              <AlertDialogAction onClick={() => setSaid("deleted")}>Delete all</AlertDialogAction>
            </AlertDialogFooter>
          </AlertDialogContent>
        </AlertDialog>
      </div>
      <Empty icon={Inbox} title="No messages" description="They will be here." />
      <Link to="/other">Other page</Link>
      <output>{said}|{page}|{day ? format(day, "yyyy-MM-dd") : ""}</output>
    </main>
  );
}

export default function App() {
  return (
    <BrowserRouter basename={import.meta.env.BASE_URL}>
      <Routes>
        <Route path="/" element={<Parts />} />
        <Route path="/other" element={<h1>The other page</h1>} />
      </Routes>
    </BrowserRouter>
  );
}
"""


@pytest.mark.walk
async def test_the_react_templates_parts_work(tmp_path: Path) -> None:
    async with running(tmp_path, "react-vite") as (session, builder, url):
        await session.workspace.write("src/App.tsx", REACT_PARTS)
        sandbox = await session.app.sandbox()
        check = await sandbox.exec(builder.library.find("react-vite").check)
        assert check.exit_code == 0, check.stdout
        async with browsing(url) as (page, problems):
            said = page.locator("output")
            email = page.get_by_label("E-mail")
            await email.fill("nobody")
            await page.get_by_role("button", name="Save").click()
            await expect(page.get_by_role("alert")).to_have_text("That is no e-mail address.")
            await expect(email).to_have_attribute("aria-invalid", "true")
            await email.fill("ada@example.org")
            await page.get_by_role("button", name="Save").click()
            await expect(said).to_have_text("ada@example.org|1|2026-01-05")

            table = page.get_by_role("table", name="People")
            await expect(table.get_by_role("row")).to_have_count(6)
            await table.get_by_role("button", name="Age").click()
            await expect(table.get_by_role("row").nth(1)).to_contain_text("Person 1")
            await table.get_by_role("button", name="Age").click()
            await expect(table.get_by_role("row").nth(1)).to_contain_text("Person 12")
            await page.get_by_role("button", name="Next", exact=True).click()
            await expect(table.get_by_role("row").nth(1)).to_contain_text("Person 7")
            await page.get_by_label("Search people").fill("Person 3")
            await expect(table.get_by_role("row")).to_have_count(2)

            await page.get_by_role("button", name="Page 9").click()
            await page.get_by_role("gridcell", name="14").get_by_role("button").click()
            await expect(said).to_have_text("ada@example.org|9|2026-01-14")
            await page.get_by_placeholder("Find a fruit").fill("pea")
            await page.keyboard.press("Enter")
            await expect(said).to_contain_text("pear|")
            await page.get_by_role("button", name="Why?").click()
            await expect(page.get_by_text("Because.")).to_be_visible()
            await page.get_by_role("button", name="More").click()
            await expect(page.get_by_text("Hidden until now")).to_be_visible()
            await page.get_by_role("radio", name="Large").click()
            await page.get_by_role("slider", name="Volume").press("ArrowRight")
            await expect(page.get_by_role("slider", name="Volume")).to_have_attribute("aria-valuenow", "31")
            await page.get_by_role("button", name="Bold").click()
            await page.get_by_role("radio", name="Right").click()
            await picture(page, "react-parts")
            await page.get_by_role("button", name="Delete").click()
            await page.get_by_role("alertdialog").get_by_role("button", name="Delete all").click()
            await expect(said).to_contain_text("deleted|")
            await page.get_by_role("link", name="Other page").click()
            await expect(page.get_by_role("heading", name="The other page")).to_be_visible()
            assert problems == []


BROKEN_STYLES = {
    "body { @apply text-nonsense; }": "text-nonsense",
    "@tailwind base;\n@tailwind components;\n@tailwind utilities;": "is of Tailwind 3",
}


@pytest.mark.parametrize("template", ["react-vite", "vue-vite", "fastapi-react", "nextjs"])
async def test_styles_that_cannot_be_compiled_are_found_by_the_check(template: str, tmp_path: Path) -> None:
    """The dev server goes on with the styles it had before, so the page shows nothing of it."""
    async with running(tmp_path, template) as (session, _, _):
        path = next(file.path for file in await session.workspace.list() if file.path.endswith(".css"))
        good = await session.workspace.read_text(path)
        for styles, told in BROKEN_STYLES.items():
            whole = f"{good}\n{styles}\n" if "@apply" in styles else styles
            await session.call("write_file", {"path": path, "content": whole}, by="person")
            _, result = await session.call("check_app", {}, by="person")
            assert not result.ok
            assert told in result.text
            assert path in result.text
        await session.call("write_file", {"path": path, "content": good}, by="person")
        _, result = await session.call("check_app", {}, by="person")
        assert result.ok, result.text


# Each alone, in a file that is otherwise as it was: "+" adds it at the end.
BREAKS = {
    "nextjs": [
        (
            "app/page.tsx",
            'import { x } from "@/lib/nowhere";\nexport default function P() { return <p>{x}</p>; }\n',
            "nowhere",
        ),
        ("app/page.tsx", "export default function P() { return <p>; }\n", "app/page.tsx"),
        ("app/globals.css", '@import "./missing.css";\n@import "tailwindcss";\n', "missing.css"),
        ("components/own.module.css", ".a { @apply p-nonsense; }\n", "p-nonsense"),
    ],
    "static": [
        ("css/style.css", "+\nbody { @apply p-4; }\n", '"@apply" is of Tailwind'),
        ("css/style.css", "+\n@tailwind base;\n", '"@tailwind" is of Tailwind'),
        (
            "js/main.js",
            '+\nimport { nonsense } from "./theme.js";\nconsole.log(nonsense);\n',
            'does not export "nonsense"',
        ),
        ("js/main.js", '+\nconsole.log(await import("./gone.js"));\n', '"./gone.js" does not exist'),
        ("js/main.js", "+\nfunction (\n", "js/main.js"),
    ],
    "streamlit": [
        ("app.py", "+\ndef (:\n", "app.py"),
        ("app.py", "+\nfrom data import nowhere\n\nnowhere()\n", "nowhere"),
        ("pages/two.py", "import streamlit as st\n\nst.write(1 / 0)\n", "ZeroDivisionError"),
        (".streamlit/config.toml", "+\n[theme\n", ".streamlit/config.toml"),
    ],
    "panel": [
        ("app.py", "+\ndef (:\n", "app.py"),
        ("app.py", "+\nfrom charts import nowhere\n\nnowhere()\n", "nowhere"),
    ],
    "vue-vite": [
        ("src/views/HomeView.vue", "+\n<style>\n@tailwind base;\n</style>\n", "is of Tailwind 3"),
        ("src/views/HomeView.vue", "+\n<style>\n.a { @apply text-nonsense; }\n</style>\n", "text-nonsense"),
    ],
}


@pytest.mark.walk
@pytest.mark.timeout(600)
@pytest.mark.parametrize("template", sorted(BREAKS))
async def test_the_check_finds_and_names_what_is_broken(template: str, tmp_path: Path) -> None:
    async with running(tmp_path, template) as (session, _, _):
        listed = {file.path for file in await session.workspace.list()}
        for path, text, told in BREAKS[template]:
            good = await session.workspace.read_text(path) if path in listed else None
            content = f"{good}{text[1:]}" if text.startswith("+") else text
            await session.call("write_file", {"path": path, "content": content}, by="person")
            _, result = await session.call("check_app", {}, by="person")
            assert not result.ok, text
            assert told in result.text
            if good is None:
                await session.call("delete_file", {"path": path}, by="person")
            else:
                await session.call("write_file", {"path": path, "content": good}, by="person")
        _, result = await session.call("check_app", {}, by="person")
        assert result.ok, result.text


LIVE_ROUTES = """

from fastapi import UploadFile, WebSocket


@app.post("/api/upload")
async def upload(file: UploadFile) -> int:
    return len(await file.read())


@app.websocket("/api/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("echo " + await socket.receive_text())
"""

USES_LIVE_ROUTES = """async () => {
  const body = new FormData();
  body.append("file", new Blob(["12345"]), "a.txt");
  const upload = await fetch(new URL("api/upload", document.baseURI), { method: "POST", body });
  if (!upload.ok || (await upload.json()) !== 5) return false;
  return new Promise((resolve) => {
    const socket = new WebSocket(new URL("api/echo", document.baseURI).href.replace(/^http/, "ws"));
    socket.onopen = () => socket.send("hi");
    socket.onmessage = ({ data }) => resolve(data === "echo hi");
    socket.onerror = () => resolve(false);
  });
}"""


async def test_the_python_api_and_its_page_work_together_and_both_follow_an_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, "fastapi-react") as (session, _, url):
        async with browsing(url) as (page, problems):
            books = page.get_by_role("list").get_by_role("listitem")
            await expect(books).to_have_count(3)
            await page.get_by_role("textbox", name="Title").fill("Momo")
            await page.get_by_role("textbox", name="Author").fill("Michael Ende")
            await page.get_by_role("spinbutton", name="Pages").fill("304")
            await page.get_by_role("button", name="Add").click()
            await expect(books).to_have_count(4)
            await page.get_by_role("checkbox", name="Momo").click()
            await expect(page.get_by_text("Pages read").locator("..")).to_contain_text("608")  # counted in Python
            await page.get_by_role("button", name="Delete Invisible Cities").click()
            await expect(books).to_have_count(3)
            await picture(page, "fastapi-react-used")
            assert problems == []

            async def write(content: str) -> None:
                await session.call("write_file", {"path": "api/main.py", "content": content}, by="person")

            main = await session.workspace.read_text("api/main.py")
            await session.workspace.write("api/main.py", main.replace("books=len(everything)", "books=4711"))
            await expect(page.get_by_text("4,711")).to_be_visible(timeout=20_000)
            await expect(books).to_have_count(3)  # kept through the restart

            await session.workspace.write("api/main.py", main + LIVE_ROUTES)
            await page.wait_for_function(USES_LIVE_ROUTES, polling=500)

            problems.clear()
            await write(main.replace("import database, store\n", "import database, stores\n"))
            await expect(page.get_by_role("alert")).to_contain_text("cannot import name 'stores'", timeout=20_000)
            await write(main)
            await expect(books).to_have_count(3, timeout=20_000)  # by itself
        # Started anew with a broken API, the page still comes, and says so.
        await write(main.replace("import database, store\n", "import database, stores\n"))
        monkeypatch.setattr("jupyter_appbuilder.sandbox.local.server.PATIENT_SECONDS", 5)
        assert (await session.app.restart()).state == "ready"
        async with asyncio.timeout(60):
            while "cannot import name 'stores'" not in session.app.server.log:
                await asyncio.sleep(0.2)


BROKEN_APIS = {
    "no such module": ("import nowhere\n", "No module named 'nowhere' (api/main.py:1)"),
    "syntax": ("def (:\n", "SyntaxError: invalid syntax (api/main.py:1)"),
    "exit": ("raise SystemExit(3)\n", "SystemExit: 3 (api/main.py:1)"),
    "no app": ("APP = None\n", "has no attribute 'app'"),
    "startup": (
        "from fastapi import FastAPI\n\n\nasync def begin(app):\n    raise RuntimeError('no database')\n    yield\n\n\n"
        "app = FastAPI(lifespan=begin)\n",
        "RuntimeError: no database (api/main.py:5)",
    ),
}


async def test_a_file_that_vite_did_not_see_come_is_served_all_the_same(tmp_path: Path) -> None:
    """As data that is written while its watcher begins: here it watches nothing."""
    template = find_templates()["react-vite"]
    config = (template.files / "vite.config.ts").read_text()
    blind = config.replace("server: {", "server: {\n    watch: null,")
    assert blind != config
    async with (
        running(tmp_path, "react-vite", {"vite.config.ts": blind}) as (session, _, url),
        httpx.AsyncClient(timeout=PATIENCE / 1000) as http,
    ):
        data = session.workspace.folder / "app" / "public" / "data"
        data.mkdir(parents=True)
        for name in ("sales.parquet", "Verkäufe 100%.parquet"):
            (data / name).write_bytes(b"PAR1 " + name.encode())
        (data / "link.parquet").symlink_to("/etc/hostname")
        answers = await asyncio.gather(*(http.get(f"{url}data/sales.parquet?v={n}") for n in range(5)))
        assert {answered.content for answered in answers} == {b"PAR1 sales.parquet"}
        named = await http.get(f"{url}data/{quote('Verkäufe 100%.parquet')}")
        assert named.content == "PAR1 Verkäufe 100%.parquet".encode()
        (data / "sales.parquet").write_bytes(b"PAR1 newer")
        assert (await http.get(f"{url}data/sales.parquet")).content == b"PAR1 newer"
        for odd in ("data/%", "data/" + "x" * 5000, "data/%00", "data/../../package.json", "data", "data/none.parquet"):
            assert b"PAR1" not in (await http.get(url + odd)).content
        assert (await http.get(f"{url}data/sales.parquet")).content == b"PAR1 newer", "Vite still runs"


@pytest.mark.walk
async def test_an_api_that_does_not_start_answers_at_once_and_the_check_says_where_it_breaks(tmp_path: Path) -> None:
    async with (
        running(tmp_path, "fastapi-react") as (session, _, url),
        httpx.AsyncClient(timeout=PATIENCE / 1000) as http,
    ):
        good = await session.workspace.read_text("api/main.py")

        async def answer(saying: str) -> httpx.Response:
            """The API's answer, once its code has been loaded anew."""
            async with asyncio.timeout(PATIENCE / 1000):
                while True:
                    answered = await http.get(f"{url}api/books")
                    if saying in answered.text:
                        return answered
                    await asyncio.sleep(0.1)

        for code, told in BROKEN_APIS.values():
            await session.call("write_file", {"path": "api/main.py", "content": code}, by="person")
            answered = await answer(told)
            assert answered.status_code == 503
            assert "The API does not start" in answered.json()["detail"]
            _, result = await session.call("check_app", {}, by="person")
            assert not result.ok
            [finding] = [one for one in result.detail["problems"] if one["kind"] == "server"]
            assert told in finding["message"]
            await session.call("write_file", {"path": "api/main.py", "content": good}, by="person")
            assert (await answer("Invisible Cities")).status_code == 200
        _, result = await session.call("check_app", {}, by="person")
        assert result.ok, result.text


@pytest.mark.walk
async def test_an_api_that_never_answers_keeps_no_request_for_ever(tmp_path: Path) -> None:
    """An API that hangs while it is loaded: its port takes connections all the same."""
    async with (
        running(tmp_path, "fastapi-react") as (session, _, url),
        httpx.AsyncClient(timeout=PATIENCE / 1000) as http,
    ):
        hangs = "from threading import Event\n\nEvent().wait()\n"
        await session.call("write_file", {"path": "api/main.py", "content": hangs}, by="person")
        status = 200
        while status == 200:  # the one before still runs
            answered = await http.get(f"{url}api/books")
            status = answered.status_code
        assert status == 503
        assert "does not answer" in answered.json()["detail"]


SLOW_AND_STUCK = """

import threading


@app.get("/api/slow")
def slow() -> str:
    time.sleep(15)
    return "slow"


@app.get("/api/stuck")
async def stuck() -> None:
    threading.Event().wait()
"""


@pytest.mark.walk
async def test_a_slow_route_answers_and_one_that_stops_the_api_is_given_up(tmp_path: Path) -> None:
    async with (
        running(tmp_path, "fastapi-react") as (session, _, url),
        httpx.AsyncClient(timeout=2 * PATIENCE / 1000) as http,
    ):
        main = await session.workspace.read_text("api/main.py")
        content = main + SLOW_AND_STUCK
        await session.call("write_file", {"path": "api/main.py", "content": content}, by="person")
        async with asyncio.timeout(2 * PATIENCE / 1000):
            while (answered := await http.get(f"{url}api/slow")).status_code != 200:
                await asyncio.sleep(0.2)
        assert answered.json() == "slow"
        answered = await http.get(f"{url}api/stuck")
        assert answered.status_code == 503
        assert "does not answer" in answered.json()["detail"]


@pytest.mark.walk
async def test_the_streamlit_templates_controls_act_on_the_page(tmp_path: Path) -> None:
    async with running(tmp_path, "streamlit") as (session, _, url), browsing(url) as (page, problems):
        await expect(page.get_by_text("of 344")).to_be_visible()
        await page.get_by_role("button", name="Gentoo").click()  # leave these out
        await expect(page.get_by_test_id("stMetricValue").first).to_have_text("220")
        await page.get_by_role("tab", name="Distribution").click()
        await expect(page.get_by_test_id("stVegaLiteChart").locator("visible=true")).to_be_visible()
        await page.get_by_role("tab", name="Rows").click()
        await expect(page.get_by_role("button", name="Download these rows")).to_be_visible()
        # A table of one's own is found without another word.
        await session.workspace.write("data/cities.csv", "name,people\n" + "".join(f"c{n},{n}\n" for n in range(40)))
        await page.reload()
        await expect(page.get_by_test_id("stMetricValue").first).to_have_text("40")
        assert problems == []


@pytest.mark.walk
async def test_the_panel_templates_controls_act_on_the_page(tmp_path: Path) -> None:
    async with running(tmp_path, "panel") as (_, _, url), browsing(url) as (page, problems):
        await expect(page.get_by_text("18,275")).to_be_visible()
        vaccinated = page.get_by_role("slider").nth(1)
        await vaccinated.focus()
        await vaccinated.press("End")
        await expect(page.get_by_text("18,275")).to_have_count(0)
        await expect(page.get_by_text("0%", exact=True)).to_be_visible()  # nobody is infected any more
        await page.get_by_role("button", name="Toggle theme").click()
        await picture(page, "panel-used")
        assert problems == []


@pytest.mark.parametrize("template", ["fastapi-react", "panel", "streamlit"])
async def test_a_python_apps_notebook_and_archive_hold_all_of_it(template: str, tmp_path: Path) -> None:
    async with app_builder(tmp_path, model="demo:recorded") as builder:
        session = await builder.create(name="app", template=template)
        await session.ready()
        await session.call("write_file", {"path": "extra/notes.py", "content": "WORD = 'here'\n"}, by="person")
        command = "rm -rf extra/__pycache__; python -c 'from extra.notes import WORD; print(WORD)' | tee said.txt"
        _, ran = await session.call("run_command", {"command": command}, by="person")
        assert ran.ok, ran.text
        tree = await session.workspace.snapshot()
        session.notebook.changed()
        await session.notebook.flush()
        replayed = await replay(session.notebook.path, tmp_path / "replayed")
        assert replayed.tree == tree
        with zipfile.ZipFile(io.BytesIO(await session.workspace.zip())) as archive:
            names = {name.partition("/")[2] or name for name in archive.namelist()} | set(archive.namelist())
        assert {"requirements.txt", "requirements.lock", "said.txt"} <= names
        assert not any("__pycache__" in name or name.endswith(".db") for name in names)
