# manuals.bats: manual pages, --help and the option tables say the same.
load helper

# The long options that a page documents, from its lists: ".It Fl b , Fl -batch Ar N", ".It Fl b Ar N , -batch Ar N".
documented() {
	sed -n 's/^\.It Fl / /p' "$1" | grep -oE ' -[a-z0-9][a-z0-9-]*' | sed 's/^ -//' | sort -u
}

# Those of the table, without the four that every program has.
tabled() {
	"$1" --dump-options | cut -f 2 | grep -vxE 'quiet|verbose|help|version' | sort -u
}

pages() {
	local page
	for page in "$FM_ROOT"/man/*.[1-9]; do
		[ ! -e "$page" ] || echo "$page"
	done
}

@test "every program has a manual page, and every page of section 1 a program" {
	for tool in $(all_tools); do
		[ -e "$FM_ROOT/man/$tool.1" ] || fail "man/$tool.1 is missing"
	done
	for page in "$FM_ROOT"/man/*.1; do
		tool=$(basename "$page" .1)
		[ -e "$FM_ROOT/tools/$tool.c" ] || fail "$page is about a program that isn't there"
	done
}

@test "pages are good mdoc" {
	need mandoc
	for page in $(pages); do
		mandoc -T lint -W warning "$page" || fail "$page"
	done
}

# mdoc's quotes enclose the rest of their line: what opens another there is within the first, and closes with it.
@test "no quote of a page stands within another" {
	run awk '/^\./ {
		open = ""
		for (i = 1; i <= NF; i++) {
			macro = $i
			sub(/^\./, "", macro)
			if (open != "" && macro ~ /^(Ql|Dq|Sq|Qq|Pq|Bq|Aq|Brq|Op)$/) { print FILENAME ":" FNR ": " $0; break }
			if (macro ~ /^(Ql|Dq|Sq|Qq)$/) open = macro
		}
	}' "$FM_ROOT"/man/*.[1-9]
	[ -z "$output" ] || fail "$output"
}

@test "a page has no letter that its program doesn't know" {
	for tool in $(all_tools); do
		"$tool" --dump-options | cut -f 1 | grep -v '^-$' | sort > known
		page=$FM_ROOT/man/$tool.1
		{
			sed -n 's/^\.It Fl \([A-Za-z0-9]\) .*/\1/p' "$page"
			sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.Op Fl \([A-Za-z0-9]*\).*/\1/p' "$page" | grep -o .
		} | sort -u > written
		comm -13 known written > strange
		[ ! -s strange ] || fail "$page: -$(cat strange)"
	done
}

@test "a page documents the options of the table, all and no others" {
	for tool in $(all_tools); do
		page=$FM_ROOT/man/$tool.1
		[ -e "$page" ] || continue
		tabled "$tool" > table
		documented "$page" | grep -vxE 'quiet|verbose|help|version' > written || true
		diff table written > difference || fail "$tool: < the table, > the page: $(cat difference)"
	done
}

@test "a page documents the letters and the arguments of the table" {
	for tool in $(all_tools); do
		page=$FM_ROOT/man/$tool.1
		[ -e "$page" ] || continue
		while IFS=$'\t' read -r letter name argument _ _; do
			case $name in quiet | verbose | help | version) continue ;; esac
			item=$(grep -E "^\.It Fl (.* )?-$name( |\$)" "$page" | head -n 1)
			[ "$letter" = - ] || [[ $item == *"Fl $letter "* ]] || fail "$page: $item lacks -$letter"
			[ "$argument" = - ] || [[ $item == *" Ar "* || $item == *" Cm "* ]] || fail "$page: $item lacks an argument"
			[ "$argument" != - ] || [[ $item != *" Ar "* ]] || fail "$page: $item has an argument too many"
		done < <("$tool" --dump-options)
	done
}

@test "--help has every option of the table, and its words" {
	for tool in $(all_tools); do
		"$tool" --help | tr -s ' \n' '  ' > help
		while IFS=$'\t' read -r letter name _ choices words; do
			grep -q -- "--$name" help || fail "$tool --help lacks --$name"
			[ "$letter" = - ] || grep -q -- "-$letter, --$name" help || fail "$tool --help lacks -$letter"
			[ "$choices" = - ] || grep -qF -- "--$name $choices" help || fail "$tool --help lacks $choices"
			grep -qF -- "$words" help || fail "$tool --help lacks: $words"
		done < <("$tool" --dump-options)
	done
}

@test "a page's name and summary are those of the program" {
	for tool in $(all_tools); do
		page=$FM_ROOT/man/$tool.1
		[ -e "$page" ] || continue
		grep -qx "\.Nm $tool" "$page"
		grep -q '^\.Nd ' "$page"
		grep -qx '\.Sh EXAMPLES' "$page" || fail "$page has no examples"
		grep -q '^\.Sh EXIT STATUS' "$page" || fail "$page doesn't say how the program exits"
	done
}

@test "every page that is referred to is there" {
	for page in $(pages); do
		while read -r name section; do
			case $name in fm-*) [ -e "$FM_ROOT/man/$name.$section" ] || fail "$page refers to $name($section)" ;; esac
		done < <(awk '$1 == ".Xr" { print $2, $3 }' "$page")
	done
}
