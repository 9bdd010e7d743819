document.write("<template>")
const later=()=>setTimeout(ask,2e3+1e3*Math.random())
const ask=async()=>{try{
const answer=await fetch("holding-page",{cache:"no-store",redirect:"manual",headers:{accept:"text/html"}})
if(answer.status<502||answer.status>504)return location.reload()
const next=new DOMParser().parseFromString(await answer.text(),"text/html")
for(const its of next.querySelectorAll("main>[id]")){const own=document.getElementById(its.id)
if(own.innerHTML!=its.innerHTML)own.innerHTML=its.innerHTML
document.title=next.title}}catch{}later()}
later()
