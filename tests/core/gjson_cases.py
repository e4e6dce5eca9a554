"""Documents and paths for which `property_path.get` must agree with gjson."""

from __future__ import annotations

__all__ = ["DOCUMENTS", "PAIRS"]

DOCUMENTS = {
    "people": """{
  "name": {"first": "Tom", "last": "Anderson"},
  "age": 37,
  "children": ["Sara", "Alex", "Jack"],
  "fav.movie": "Deer Hunter",
  "friends": [
    {"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]},
    {"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]},
    {"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]}
  ]
}""",
    "values": r"""{"s":"text","e":"line\nbreak \"q\" \\ \/ \u00e9 \ud83d\udd11 \ud83d x","i":42,
  "neg":-7,"f":1.50,"exp":1e3,"big":123456789012345678901234567890,"huge":1e400,"tiny":5e-324,
  "t":true,"no":false,"nil":null,"o": { "a" : [ 1 , 2 ] } ,"l":[ ],"z":-0.0,"m":1E-2,"":"empty",
  "auths":{"auths":{"registry.example":{"auth":"dTpw"}}}, "long":0.1000000000000000055511}""",
    "keys": r"""{"a.b":1,"a":{"b":2,"b.c":3},"x|y":4,"st*r":5,"q?":6,"#":7,"@this":8,"@keys":9,
  "\u0061bc":10,"back\\slash":11,"quo\"te":12,"tls.crt":"CERT","a:b":13,"!true":14,"{":15,"[":16,
  "d":{"x":1},"d":{"y":2},"e":1,"e":{"z":3},"sp ace":17,"ключ":18,"..":19,"0":20}""",
    "arrays": """[[1,[2,3]],[],[[4]],{"a":[{"b":1},{"b":"x"},{"c":2}]},"str",null,true,1.50,
  {"a":{"b":[10,20,30]},"n":null,"t":true,"f":false,"s":"true"}]""",
    "objects": '[{"k":1,"v":"a"},{"k":2},{"v":"b"},{"k":1.0,"v":"a*"},{"k":"1"},{"k":null},7,"k"]',
    "lines": '{"a":1}\n{"a":2,"b":[1]}\n[3]\n"four"\n',
    "text": '"{\\"a\\":1}"',
    "number": "12.50",
    "spaced": '  \n{"a" : 1 }  \n',
    "columns": '{"id":["1","2"],"val":[true,{"x":1},3],"skip":"no"}',
}

_PATHS = {
    "people": r"""
        name.last|name|age|name.first.none|none|children|children.#|children.1|children.3|children.-1
        child*.2|c?ildren.0|fav\.movie|fav.movie|friends.#|friends.1.last|friends.#.first|friends.#.age
        friends.#.nets|friends.#.nets.#|friends.#.none|friends.#(last=="Murphy").first
        friends.#(last=="Murphy")#.first|friends.#(age>45)#.last|friends.#(age>=47).first
        friends.#(age<45).first|friends.#(age<=44)#.first|friends.#(age!=44)#.first
        friends.#(first%"D*").last|friends.#(first!%"D*").last|friends.#(first%"?ane").age
        friends.#(nets.#(=="fb"))#.first|friends.#(nets.#(=="none"))#|friends.#(last=="Nobody")
        friends.#(last=="Nobody")#|friends.#(last).first|friends.#(none).first|friends.#(age==44).none
        friends.#(age==44)|friends.#(last="Craig").age|friends.#[last=="Craig"].age
        children.#(=="Alex")|children.#(>"Jack")#|children.#(%"?a*")#|children.#(!="Sara")#
        children.@reverse|children.@reverse.0|name.@keys|name.@values|name.@reverse|@this.age
        friends.0.@keys.#|friends.#.first.@reverse.0|{name.first,age}|{"who":name.first,age}
        [name.first,age,none]|friends.#.{first,age}|friends.#.[first,age]|{friends.#.first}
        name.{first,last}.@keys|[children.0,name.last].1|{"a":!"lit",age}|!"lit"|!5|!true|!null
        *|na*.f*|*.first|friends.*.first|friends.0.n*|**|?ge|*e|name.*|friends.#.*
        @pretty|@ugly|name.@pretty|name.@ugly|name.@tostr|name.@tostr.@fromstr.first|@valid.age
        friends.@pretty:{"indent":"\t","width":10}|name.@pretty:{"sortKeys":true}|@dig:first
        friends.@dig:#(age>45).last|age.@this|age.@keys|name.first.@this|none.@keys|name.@unknown
        {name,}|[name|{name}x|name.|.name|friends.#(|friends.#(age|friends.#(age>)""",
    "values": r"""
        s|e|i|neg|f|exp|big|huge|tiny|t|no|nil|o|o.a|o.a.0|o.a.#|l|l.#|l.0|z|m|auths|long
        auths.auths.registry\.example.auth|nil.x|s.x|i.0|o.@ugly|o.@tostr|e.@tostr|nil.@this
        [nil,t,f]|{i,none,nil}|@keys|@values.2|*l|e.@this|""",
    "keys": r"""
        a\.b|a.b|a.b\.c|a\.b\.c|x\|y|x|st\*r|st*r|q\?|q?|\#|#|\@this|@this.a|\@keys|abc|\abc
        back\\slash|quo\"te|quo"te|tls\.crt|tls.crt|a:b|\!true|!true|\{|{|\[|[|d.x|d.y|d|e.z|e
        sp ace|ключ|кл*|к???|\.\.|..|0|@keys.#|{a\.b,ключ}|{a.b\.c}|{x\|y}|{"n\"":e}|{<:e}""",
    "arrays": r"""
        0|0.1|0.1.0|1|2.0.0|3.a.#.b|3.a.#|3.a.#(b==1)|3.a.#(b=="x")|3.a.#(b)#|3.a.#(c)|4|5|6|7|9
        00|01|#|#.#|#.0|#.a|#.a.#.b|@flatten|@flatten:{"deep":true}|@reverse.0|@keys|@values.0|@join
        8.a.b.1|8.n|8.{a.b.2,t}|#(b).x|#(=="str")|#(==true)|#(==1.5)|#(>1)#|#(~true)#|#(~false)#
        #(~null)#|#(~*)#|#(~x)#|#(t==true)#|#(t!=true)#|#(f<true)#|#(t>false)#|#(s=="true").s
        #(s~true)|#(t=~true)#|#(n=~null)#|#(zz=~*)#|3.a.@join|3.a.@join:{"preserve":true}|##|1#|#x
        99999999999999999999|@ugly|@pretty|@pretty:{"width":0}|@pretty:{"width":-1}|@valid.4|@dig:b""",
    "objects": r"""
        #(k==1)#|#(k=="1")#|#(k=1.0)#.v|#(v=="a*").k|#(v%"a\*").k|#(v%"a*")#.k|#(k>1)|#(k<2)#.k
        #(k!=1)#|#(k==null)#|#(k)#|#(v)#.v|#.k|#.{k,v}|#(k==1)#|#(v=="b")#.none|#(k==2).v|#(k).@keys""",
    "lines": "..#|..0.a|..1.b.0|..#.a|..2.0|..3|..#(a>1).a|..|a|..@this",
    "text": "a|@this|@fromstr|@fromstr.a|@tostr|@keys",
    "number": "a|@this|@keys|@values|@flatten|@tostr|@valid|0",
    "spaced": "@this|@ugly|@pretty|@valid|@reverse|@join|a|@values|[@this]",
    "columns": "@group|@group.#|@group.1.val|id.@group|@group.@tostr",
}


def _paths(listing: str) -> list[str]:
    """Cut a listing at its bars, of which a path has one only behind a backslash."""
    joined = "|".join(line.strip() for line in listing.strip().splitlines())
    return joined.replace("\\|", "\0").split("|")


#: Paths in which a pipe is a pipe.
_PIPED = (
    *(
        ("people", path)
        for path in ("friends|#", "friends|0|first", "friends.#.nets|0|1", "name|@keys")
    ),
    *(
        ("people", path)
        for path in ("friends.#(age>45)#|0|first", "friends.#(age>45)#.first|1", "none|@keys")
    ),
    *(
        ("people", path)
        for path in ("none.x|@keys", "age|@this", "age|x", "[age,name]|0", "{age}|age", "name|")
    ),
    *(
        ("people", path)
        for path in ('none|!"x"', "@this|age", "children|@reverse|0", "friends.#.{a:age}|0.a")
    ),
    *(
        ("arrays", path)
        for path in ("#.a|0", "#.a|#", "3.a|#.b", "3.a.#(b)#|#", "0|1|0", "#.#|0", "#|@this")
    ),
    *(("keys", path) for path in ("a|b", "a|b\\.c", "x\\|y", "d|x", "d|y", "|a", "a||b")),
    *(("objects", path) for path in ("#.k|@reverse|0", "#(k)#|#(v)#|#.v", "#.{k}|#(k>1)")),
)

PAIRS = [
    *(
        (name, path.replace("\0", "\\|"))
        for name, listing in _PATHS.items()
        for path in _paths(listing)
    ),
    *_PIPED,
]
