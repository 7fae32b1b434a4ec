"""--format templates, over documents and rows."""

import pytest

from slipway.docker.output.listing import render_listing
from slipway.docker.output.template_values import Row
from slipway.docker.output.templates import Template, TemplateError

DOCUMENT = {
    "Name": "/web",
    "Count": 3,
    "State": {"Running": True, "Error": "", "Pid": 12},
    "List": ["a", "b"],
    "Map": {"k2": "v2", "k1": "v1"},
    "Ports": {"80/tcp": [{"HostIp": "::", "HostPort": "80"}], "9/udp": None},
    "Labels": None,
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{.Name}}", "/web"),
        ("{{.State.Pid}}", "12"),
        ("{{ .State }}", "{true  12}"),
        ("{{.Map}} {{.List}} {{.Labels}}", "map[k1:v1 k2:v2] [a b] map[]"),
        ("{{json .State}}", '{"Running":true,"Error":"","Pid":12}'),
        ("{{json .Labels}}", "null"),
        ("{{.Name | upper | printf `%s!`}}", "/WEB!"),
        ('{{printf "%q %5d|%-4s|" .Name .Count "x"}}', '"/web"     3|x   |'),
        ("{{range .List}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range $i, $x := .List}}{{$i}}={{$x}},{{end}}", "0=a,1=b,"),
        ("{{range $k, $v := .Map}}{{$k}}:{{$v}};{{end}}", "k1:v1;k2:v2;"),
        ("{{range .Labels}}x{{else}}none{{end}}", "none"),
        ('{{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', "a"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ("{{if eq .Count 1}}one{{else if eq .Count 3}}three{{else}}many{{end}}", "three"),
        ("{{if and .State.Running (gt .Count 2)}}yes{{end}}", "yes"),
        ("{{if or .Labels .State.Error}}yes{{else}}no{{end}}", "no"),
        ("{{with .State}}{{.Pid}}{{end}}", "12"),
        ("{{$x := .Name}}{{with .State}}{{$x}}{{$.Count}}{{end}}", "/web3"),
        ('{{index .List 1}}{{index .Map "k1"}}{{(index .Ports "80/tcp" 0).HostPort}}', "bv180"),
        ("{{len .List}}{{len .Labels}}{{len .Name}}", "204"),
        ('{{join .List ","}} {{split .Name "e"}} {{slice .Name 1}}', "a,b [/w b] web"),
        ('{{pad .Name 1 2}}|{{truncate .Name 2}}|{{title "ab"}}|{{lower "AB"}}', " /web  |/w|Ab|ab"),
        ('{{println .Name 1}}{{print 1 2 "a"}}', "/web 1\n1 2a"),
        ("a {{- .Name -}} b{{/* nothing */}}", "a/webb"),
        ("{{not .Labels}}{{ne 1 2}}{{le 1 1}}", "truetruetrue"),
        ('{{"}}"}}{{`\\n`}}{{"\\t\\u00e9"}}', "}}\\n\té"),
    ],
)
def test_text(source: str, text: str) -> None:
    assert Template(source).render(DOCUMENT) == text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{.Foo", "template: :1: unclosed action"),
        ("{{foo}}", 'template: :1: function "foo" not defined'),
        ("{{if .Name}}", "template: :1: unexpected EOF"),
        ("{{end}}", "template: :1: unexpected {{end}}"),
        ("{{}}", "template: :1: missing value for command"),
        ('{{"x}}', "template: :1: unterminated quoted string"),
        ("{{(.Name}}", "template: :1: unclosed left paren"),
        ("{{.Foo}}", 'template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"'),
        ("{{.State.Foo}}", 'template: :1:8: executing "" at <.State.Foo>: map has no entry for key "Foo"'),
        ("{{.Name.Foo}}", 'template: :1:7: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type string'),
        (
            "{{index .List 5}}",
            'template: :1:2: executing "" at <index .List 5>: error calling index: index out of range: 5',
        ),
        ("x\n{{.Foo}}", 'template: :2:2: executing "" at <.Foo>: map has no entry for key "Foo"'),
    ],
)
def test_mistakes(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(source).render(DOCUMENT)
    assert str(caught.value).startswith(message)


def row(name: str, size: str) -> Row:
    return Row("*thing", {"Name": lambda: name, "Size": lambda: size}, {"Label": lambda key: f"<{key}>"})


TITLES = {"Name": "NAME", "Size": "SIZE"}


def test_a_table_has_a_header_and_aligned_columns() -> None:
    rows = [row("a", "1"), row("much-longer-name", "22")]
    expected = "NAME               SIZE\na                  1\nmuch-longer-name   22\n"
    assert render_listing("table {{.Name}}\t{{.Size}}", rows, TITLES) == expected


def test_a_table_of_nothing_is_its_header() -> None:
    assert render_listing("table {{.Name}}\\t{{.Size}}", [], TITLES) == "NAME      SIZE\n"


def test_functions_leave_a_header_alone() -> None:
    source = 'table {{lower .Name}}\t{{.Label "com.example.some-label"}}'
    assert (
        render_listing(source, [row("A", "")], TITLES) == "NAME      some label\na         <com.example.some-label>\n"
    )


def test_rows_as_json() -> None:
    assert render_listing("json", [row("<a>", "1")], TITLES) == '{"Name":"\\u003ca\\u003e","Size":"1"}\n'
